import AsyncHTTPClient
import FleetCore
import Logging
import Synchronization
import WorkerContracts

/// Work given to OpenAI-compatible workers: one request each, which lasts as long as the work.
///
/// Nothing of it outlives the agent: with the agent the connection dies, and then the server stops.
final class Completions: Sendable {
    private struct Entry {
        let container: String
        /// Set to end the request.
        let stop = Latest(false)
        /// Whether the machine knows that the work has begun.
        var isStarted = false
    }
    private enum Outcome: Sendable {
        case ended(OpenAIEnd)
        case broken(WorkerError)
        case stopped
        /// It has taken so long that it counts as begun.
        case begun
    }
    private let http: HTTPClient
    private let folders: AttemptFolders
    private let outbox: LogOutbox
    private let inputs: InputResolver
    private let logger: Logger
    private let post: @Sendable (AgentEvent) -> Void
    private let entries = Mutex<[AttemptKey: Entry]>([:])

    /// A server that has not answered by then works on it: what refuses, refuses sooner.
    ///
    /// Longer than connecting may take, so that nothing counts as begun that was never sent.
    private static let begunAfter = Duration.seconds(3)

    init(
        http: HTTPClient, folders: AttemptFolders, outbox: LogOutbox, inputs: InputResolver,
        logger: Logger, post: @escaping @Sendable (AgentEvent) -> Void
    ) {
        self.http = http
        self.folders = folders
        self.outbox = outbox
        self.inputs = inputs
        self.logger = logger
        self.post = post
    }

    /// Whether a container has work of ours.
    func isBusy(_ container: String) -> Bool {
        entries.withLock { $0.values.contains { $0.container == container } }
    }

    /// Notes a request that is about to be made, so that a stop cannot overtake it.
    func admit(_ key: AttemptKey, _ fact: ContainerFact) {
        entries.withLock { $0[key] = Entry(container: fact.id) }
    }

    /// Stops work; the machine is told when it has.
    func cancel(_ key: AttemptKey) {
        if let stop = entries.withLock({ $0[key]?.stop }) {
            stop.set(true)
        } else {
            post(.predictionEnded(key, .cancelled))
        }
    }

    /// Nobody wants that attempt any more.
    func forget(_ key: AttemptKey) {
        entries.withLock { $0.removeValue(forKey: key) }?.stop.set(true)
    }

    /// Tells the end of what a former life of the agent began: it cannot go on.
    func await(_ key: AttemptKey) async {
        guard entries.withLock({ $0[key] == nil }) else { return }
        let end = await folders.ending(of: key)
        let lost = Failure(.resultLost, "the agent restarted while it ran")
        post(.predictionEnded(key, (end ?? .failed(lost)).event))
    }

    /// Does an admitted request, to its end.
    func run(_ order: AttemptOrder, _ fact: ContainerFact) async {
        let key = order.key
        guard let stop = entries.withLock({ $0[key]?.stop }) else { return }
        guard let address = fact.address else {
            refuse(key, .unreachable("the worker has no address"))
            return
        }
        let worker = OpenAIWorker(http: http, baseURL: "http://\(address)")
        let input: [UInt8]
        switch await inputs.resolve(order, unless: stop) {
        case .success(let bytes): input = bytes
        case .failure(let failure): return await fail(key, failure, unlessBegun: .refused(failure))
        case nil:
            // Cut short by the agent's own end, it has ended for nobody.
            guard !Task.isCancelled else { return }
            remove(key)
            return post(.predictionEnded(key, .cancelled))
        }
        let outcome = await withTaskGroup(of: Outcome.self) { group in
            group.addTask { await self.ask(worker, order, input) }
            group.addTask {
                _ = try? await stop.wait { $0 }
                return .stopped
            }
            group.addTask {
                try? await Task.sleep(for: Self.begunAfter, clock: .continuous)
                return .begun
            }
            defer { group.cancelAll() }
            for await outcome in group {
                guard case .begun = outcome else { return outcome }
                if !Task.isCancelled { started(key) }
            }
            return .stopped
        }
        // Cut short by the agent's own end, it has ended for nobody: the next life tells.
        guard !Task.isCancelled else { return }
        switch outcome {
        case .ended(let end): await take(end, key)
        case .broken(let error): await take(error, key)
        case .stopped, .begun:
            remove(key)
            post(.predictionEnded(key, .cancelled))
        }
    }

    private func ask(
        _ worker: OpenAIWorker, _ order: AttemptOrder, _ input: [UInt8]
    ) async -> Outcome {
        let key = order.key
        var log = TextLog(key: key, outbox: outbox, post: post)
        defer { log.end() }
        do {
            return .ended(
                try await worker.run(
                    kind: order.kind.rawValue, input: input,
                    accepted: { started(key) }, text: { await log.take($0) }))
        } catch {
            return .broken(error)
        }
    }

    // MARK: Ends

    private func take(_ end: OpenAIEnd, _ key: AttemptKey) async {
        switch end {
        case .done(let outputs):
            started(key)
            await keep(.succeeded, outputs, key)
        case .invalidInput(let text): await fail(key, Failure(.invalidInput, text))
        case .failed(let text): await fail(key, Failure(.workFailed, text))
        case .busy(let text):
            await fail(key, Failure(.workFailed, text), unlessBegun: .later(text))
        }
    }

    private func take(_ error: WorkerError, _ key: AttemptKey) async {
        switch error.code {
        case .unreachable:
            await fail(
                key, Failure(.workerDied, error.message), unlessBegun: .unreachable(error.message))
        case .invalidRequest: await fail(key, Failure(.invalidInput, error.message))
        case .timeout, .cancelled, .badResponse, .badOutput, .tooLarge, .listenFailed:
            await fail(key, Failure(.workFailed, error.message))
        }
    }

    private func fail(
        _ key: AttemptKey, _ failure: Failure, unlessBegun start: PredictionStart? = nil
    ) async {
        if entries.withLock({ $0[key]?.isStarted }) == false {
            refuse(key, start ?? .refused(failure))
        } else {
            await keep(.failed(failure), [], key)
        }
    }

    /// Makes the end safe, and tells the machine.
    private func keep(
        _ ending: AttemptFolders.Ending, _ outputs: [NamedOutput], _ key: AttemptKey
    ) async {
        // Forgotten meanwhile: what were kept now would lie here for ever.
        guard entries.withLock({ $0[key] != nil }) else { return }
        let end = await folders.settle(ending, key, logger) { scratch in
            try await folders.write(outputs, into: scratch)
        }
        remove(key)
        post(.predictionEnded(key, end.event))
    }

    private func started(_ key: AttemptKey) {
        let isNews = entries.withLock { entries in
            guard entries[key]?.isStarted == false else { return false }
            entries[key]?.isStarted = true
            return true
        }
        if isNews { post(.predictionStarted(key, .started)) }
    }

    /// Tells that the work never began.
    ///
    /// The entry goes first: the machine may ask again at once, or ask to stop what is not there.
    private func refuse(_ key: AttemptKey, _ start: PredictionStart) {
        remove(key)
        post(.predictionStarted(key, start))
    }

    private func remove(_ key: AttemptKey) {
        entries.withLock { _ = $0.removeValue(forKey: key) }
    }
}
