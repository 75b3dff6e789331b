/// What the agent's shell must do after a step, in order, once the journal is saved.
package struct AgentEffects: Sendable {
    /// One thing to do.
    package enum Effect: Hashable, Sendable {
        /// Say something on the link, if it is up.
        case send(AgentMessage)
        /// End the link; it is made again.
        case disconnect(String)
        /// Have an image here. Answer: `pulled`, before it `pulling`.
        case pull(Operation, image: String)
        /// Make and start a worker's container, or adopt it by its name. Answer: `launched`.
        case launchWorker(Operation, WorkerOrder, image: String)
        /// Make and start an attempt's own container, or adopt it. Answer: `launched`.
        case launchAttempt(Operation, AttemptOrder, ContainerOrder, image: String)
        /// Ask a worker whether it takes jobs. Answer: `probed`.
        case probe(WorkerID, Contract, ContainerFact)
        /// Stop and remove a container. Answer: `removed`.
        case remove(Operation, container: String, grace: Duration)
        /// Ask a worker to work. Answers: `predictionStarted`, `predictionEnded`.
        case predict(AttemptOrder, Contract, ContainerFact)
        /// After a restart of the agent: wait for the end of work begun before. Answers:
        /// `predictionStarted(.started)` if it is seen to go on, `predictionEnded`.
        case awaitPrediction(AttemptKey, Contract, ContainerFact)
        /// Ask a worker to stop its work. Answer: `predictionEnded`, if it does.
        case cancelPrediction(AttemptKey, Contract, ContainerFact)
        /// Watch the log of an attempt's own container.
        case followLog(AttemptKey, container: String)
        /// Take the outputs out of an attempt's own container. Answer: `collected`.
        case collect(AttemptKey, container: String)
        /// Store what is in the attempt's folder. Answer: `uploaded`.
        case upload(AttemptKey, JobKind)
        /// Delete what the node keeps of an attempt.
        case forget(AttemptKey)
        /// Remove all that is left on the node, and verify. Answer: `cleaned`.
        case clean(order: UInt64)
    }

    /// Whether the journal must be saved before anything is done.
    package var needsSave = false
    /// What to do.
    package var list: [Effect] = []

    /// Nothing to do.
    package init() {}

    mutating func append(_ effect: Effect) { list.append(effect) }

    /// Takes out reports that a later one of the same worker or attempt takes the place of.
    ///
    /// For a shell that holds effects back for long; the controller needs the latest of each alone.
    package mutating func dropOutdatedReports() {
        var later: Set<Agent.Subject> = []
        let kept = list.reversed().filter { effect in
            guard case .send(.report(_, let report)) = effect else { return true }
            return later.insert(report.subject).inserted
        }
        list = kept.reversed()
    }

    /// Takes out what would begin something, and answers it as failed.
    ///
    /// For a shell whose disk could not be written for a while: what waited for it may be long
    /// outdated, the lease over and the work done elsewhere, so nothing is begun from it.
    package mutating func expireBeginnings() -> [AgentEvent] {
        let error = Failure(.diskFull, "the agent's journal could not be saved in time")
        var answers: [AgentEvent] = []
        list.removeAll { effect in
            switch effect {
            case .pull(let operation, _): answers.append(.pulled(operation, .failure(error)))
            case .launchWorker(let operation, _, _), .launchAttempt(let operation, _, _, _):
                answers.append(.launched(operation, .failure(error)))
            case .predict(let order, _, _):
                answers.append(.predictionStarted(order.key, .later(error.message)))
            case .send, .disconnect, .probe, .remove, .awaitPrediction, .cancelPrediction,
                .followLog, .collect, .upload, .forget, .clean:
                return false
            }
            return true
        }
        return answers
    }
}

/// What an agent must remember over its own death.
package struct AgentJournal: Hashable, Sendable, Codable {
    /// The workers it was last told to run.
    package var workers: [WorkerOrder] = []
    /// The boot of the machine in which it was written; nil where a journal does not tell.
    package var boot: String?
    /// Workers, dismissed ones too, whose container Docker was asked for and has not answered about; nil
    /// where a journal does not tell.
    package var launches: [WorkerID]?
    /// The attempts it has taken and was not told to forget.
    package var attempts: [AttemptRecord] = []
    /// The highest attempt seen of each job, oldest first; bounded.
    package var seen: [AttemptKey] = []
    /// The highest term seen.
    package var term: UInt64 = 0
    /// The last order to clean that was carried out.
    package var cleaned: UInt64 = 0
    /// How long it may work on without being heard.
    package var stopAfter: Duration = .seconds(30)

    /// An empty journal.
    package init() {}
}

/// What is remembered of an attempt.
package struct AttemptRecord: Hashable, Sendable, Codable {
    /// The order.
    package var order: AttemptOrder
    /// How far it is.
    package var phase: AttemptPhase
    /// The container it runs in: a worker's, or its own.
    package var container: ContainerFact?
    /// Whether Docker was asked for a container of its own; nil where a journal does not tell.
    package var wasLaunched: Bool?
    /// Its outputs, when stored.
    package var outputs: [Output] = []
    /// Why it failed.
    package var error: Failure?
    /// Its container's exit code.
    package var exitCode: Int32?

    /// Whether a container of its own may have run, whatever Docker shows now.
    var mayHaveRun: Bool { wasLaunched ?? (container != nil && phase == .running) }
}

extension Report {
    /// What it tells of.
    fileprivate var subject: Agent.Subject {
        switch self {
        case .worker(let report): .worker(report.id)
        case .attempt(let report): .attempt(report.key)
        case .cleaned: .cleaning
        }
    }
}
