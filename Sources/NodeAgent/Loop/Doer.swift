import FleetCore
import FleetLink
import Logging

/// Does what the machine wants, and posts what comes of it.
struct Doer: Sendable {
    let link: AgentLink
    let pulls: ImagePulls
    let containers: Containers
    let prober: Prober
    let predictions: Predictions
    let completions: Completions
    let follower: LogFollower
    let outbox: LogOutbox
    let collector: Collector
    let uploader: Uploader
    let folders: AttemptFolders
    let cleaner: Cleaner
    let abandon: AbandonTable
    let logger: Logger
    let post: @Sendable (AgentEvent) -> Void

    /// There is a new link.
    func linkChanged() { outbox.rewind() }

    /// Does one thing; what takes time goes on in the group.
    func perform(
        _ effect: AgentEffects.Effect, epoch: UInt64, known: Set<String>,
        _ group: inout DiscardingTaskGroup
    ) {
        switch effect {
        case .send(let message): link.send(message, epoch: epoch)
        case .disconnect(let reason): link.close(epoch: epoch, reason: reason)
        case .pull(let operation, let image):
            if pulls.join(operation, image) {
                group.addTask { await pulls.run(image, post: post) }
            }
        case .launchWorker(let operation, let order, let image):
            launch(operation, containers.labels.name(order.id), &group) {
                await containers.launch(order, image: image)
            }
        case .launchAttempt(let operation, let order, let container, let image):
            launch(operation, containers.labels.name(order.key), &group) {
                await containers.launch(order, container, image: image)
            }
        case .probe(let id, let contract, let fact):
            group.addTask {
                let readiness = await prober.probe(contract, fact)
                if !Task.isCancelled {
                    post(.probed(id, container: fact.id, readiness))
                }
            }
        case .remove(let operation, let container, let grace):
            group.addTask {
                let failure = await containers.remove(container, grace: grace) {
                    await follower.drained(container)
                }
                if let failure { note("container not removed", failure) }
                post(.removed(operation, failure))
            }
        case .predict, .awaitPrediction, .cancelPrediction, .followLog, .collect, .upload, .forget:
            performWork(effect, &group)
        case .clean(let order):
            group.addTask {
                post(.cleaned(order: order, leftovers: await cleaner.clean(keeping: known)))
            }
        }
    }

    private func performWork(
        _ effect: AgentEffects.Effect, _ group: inout DiscardingTaskGroup
    ) {
        switch effect {
        case .predict(let order, .openai, let fact):
            completions.admit(order.key, fact)
            group.addTask { await completions.run(order, fact) }
        case .predict(let order, _, let fact):
            group.addTask { await predictions.start(order, fact) }
        case .awaitPrediction(let key, .openai, _):
            group.addTask { await completions.await(key) }
        case .awaitPrediction(let key, _, let fact):
            group.addTask { await predictions.await(key, fact) }
        case .cancelPrediction(let key, .openai, _): completions.cancel(key)
        case .cancelPrediction(let key, _, let fact):
            group.addTask { await predictions.cancel(key, fact) }
        case .followLog(let key, let container):
            if follower.begin(container) {
                group.addTask { await follower.follow(key, container: container) }
            }
        case .collect(let key, let container):
            group.addTask {
                let failure = await abandon.run(key) {
                    await collector.collect(key, container: container)
                }
                if let failure { post(.collected(key, failure)) }
            }
        case .upload(let key, let kind):
            group.addTask {
                let result = await abandon.run(key) { await uploader.upload(key, kind) }
                if let result = result ?? nil { post(.uploaded(key, result)) }
            }
        case .forget(let key):
            abandon.abandon(key)
            // Files of inputs go with the predictions, once whoever fetches them was stopped.
            completions.forget(key)
            predictions.forget(key)
            outbox.forget(key)
            group.addTask { await folders.forget(key) }
        case .send, .disconnect, .pull, .launchWorker, .launchAttempt, .probe, .remove, .clean:
            assertionFailure("not work of an attempt")
        }
    }

    /// Launches, and looks once more: a quick end may have come before anybody knew of the container.
    private func launch(
        _ operation: FleetCore.Operation, _ name: String, _ group: inout DiscardingTaskGroup,
        _ body: @escaping @Sendable () async -> Result<ContainerFact, Failure>
    ) {
        containers.ledger.makingBegins(name)
        group.addTask {
            let result = await body()
            containers.ledger.makingEnds(name)
            // A launch cut short by the agent's own end has failed for nobody.
            if !Task.isCancelled { post(.launched(operation, result)) }
            switch result {
            case .failure(let failure): note("container not started", failure)
            case .success(let fact):
                guard fact.isRunning, let now = try? await containers.fact(of: fact.id),
                    !now.isRunning
                else { return }
                post(.ended(now))
            }
        }
    }

    private func note(_ what: Logger.Message, _ failure: Failure) {
        guard !Task.isCancelled else { return }
        logger.notice(
            what, metadata: ["code": "\(failure.code)", "error": "\(failure.message)"])
    }
}
