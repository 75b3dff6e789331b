package import FleetCore
import Logging
import OrderedCollections
package import RedisStore

extension ControlLoop {
    /// Runs until cancelled.
    ///
    /// Throws `fenced` when another controller has taken over.
    package func run(
        _ controller: consuming Controller, outlets: Outlets
    ) async throws(RedisStoreError) {
        let start = Turn(controller: controller, outlets: outlets)
        let outcome: Result<Void, RedisStoreError> = await withDiscardingTaskGroup { group in
            var turn = start
            defer {
                group.cancelAll()
                end(turn.controller, (turn.flying?.reads ?? []) + turn.next.reads)
            }
            while !Task.isCancelled {
                for item in mailbox.takeAll() {
                    if let error = take(item, &turn) { return .failure(error) }
                }
                tickIfDue(&turn)
                flushUrgent(&turn)
                if let batch = batchToSend(&turn) { group.addTask { await self.send(batch) } }
                if let wait = waitToArm(&turn) {
                    group.addTask { [mailbox] in
                        try? await Task.sleep(for: wait)
                        mailbox.nudge()
                    }
                }
                await mailbox.wait()
            }
            return .success(())
        }
        try outcome.get()
    }

    /// The loop's own state.
    private struct Turn: Sendable {
        var controller: Controller
        let outlets: Outlets
        /// Not yet in a batch.
        var next = Pending()
        /// In the batch that is being stored.
        var flying: Pending?
        /// That batch, for a repeat: a repeat takes effect once.
        var sealed: SealedBatch?
        /// Whether the batch is on its way now.
        var isAirborne = false
        var failures = 0
        var retryAt: Instant?
        var wakeAt: Instant?

        init(controller: Controller, outlets: Outlets) {
            self.controller = controller
            self.outlets = outlets
        }

        /// What waits for the store, in order.
        struct Pending: Sendable {
            var effects = Effects()
            var reads: [@Sendable () -> Void] = []
            var applied: AppliedFleet?
        }
    }

    private func take(_ item: Item, _ turn: inout Turn) -> RedisStoreError? {
        switch item {
        case .event(let event): step(event, &turn)
        case .apply(let id, let spec, let source):
            let before = turn.controller.fleetRevision
            step(.apply(id, spec), &turn)
            if turn.controller.fleetRevision != before {
                turn.next.applied = AppliedFleet(
                    revision: turn.controller.fleetRevision, at: clock.now, source: source,
                    spec: spec)
            }
        case .read(let body):
            let hand = body(turn.controller, clock.now)
            // With the store away an operator must still see; what is shown may be taken back by a crash.
            if (turn.flying == nil && !turn.next.effects.needsCommit) || !health.isHealthy {
                hand()
            } else {
                turn.next.reads.append(hand)
            }
        case .committed(.success(let latency)): committed(latency, &turn)
        case .committed(.failure(let error)):
            if error.code == .fenced || error.code == .superseded { return error }
            commitFailed(error, &turn)
        }
        return nil
    }

    private func step(_ event: ControllerEvent, _ turn: inout Turn) {
        turn.controller.step(event, at: clock.now, &turn.next.effects)
        update { $0.steps += 1 }
    }

    private func tickIfDue(_ turn: inout Turn) {
        let now = clock.now
        guard let due = turn.controller.nextWake(), due <= now else { return }
        turn.controller.step(.tick, at: now, &turn.next.effects)
    }

    private func flushUrgent(_ turn: inout Turn) {
        for message in turn.next.effects.urgent { turn.outlets.send(message) }
        turn.next.effects.urgent = []
    }

    // MARK: Committing

    /// The batch to send now: a new one when none is being stored, or the last one again.
    private func batchToSend(_ turn: inout Turn) -> SealedBatch? {
        if turn.isAirborne { return nil }
        if turn.flying == nil {
            guard !turn.next.effects.isEmpty || !turn.next.reads.isEmpty else { return nil }
            let pending = turn.next
            turn.next = Turn.Pending()
            guard pending.effects.needsCommit else {
                release(pending, turn.outlets)
                return nil
            }
            turn.flying = pending
            do {
                turn.sealed = try store.seal(change(pending, turn.controller), term: term)
            } catch {
                // A record that cannot be stored is a bug of ours, and stopping the only safe answer.
                logger.critical("batch cannot be made", metadata: ["error": "\(error.message)"])
                mailbox.post(.committed(.failure(RedisStoreError(.fenced, error.message))))
                return nil
            }
        } else if let retryAt = turn.retryAt, retryAt > clock.now {
            return nil
        }
        turn.isAirborne = true
        turn.retryAt = nil
        return turn.sealed
    }

    private func send(_ batch: SealedBatch) async {
        let begin = ContinuousClock.now
        update { $0.committingSince = begin }
        do {
            try await store.commit(batch)
            mailbox.post(.committed(.success(ContinuousClock.now - begin)))
        } catch {
            mailbox.post(.committed(.failure(error)))
        }
    }

    private func change(_ pending: Turn.Pending, _ controller: Controller) -> FleetChange {
        var change = FleetChange(counters: controller.counters, clock: clock.now)
        for id in pending.effects.jobs {
            if let job = controller.jobs[id] { change.jobs.append(job) }
        }
        for name in pending.effects.nodes {
            if let node = controller.nodes[name] {
                change.nodes.append(node.record)
            } else {
                change.goneNodes.append(name)
            }
        }
        change.fleet = pending.applied
        change.events = pending.effects.events
        return change
    }

    private func committed(_ latency: Duration, _ turn: inout Turn) {
        if turn.failures > 0 { logger.notice("store is back") }
        turn.failures = 0
        turn.sealed = nil
        turn.isAirborne = false
        update {
            $0.isHealthy = true
            $0.error = nil
            $0.latency = latency
            $0.commits += 1
            $0.committingSince = nil
        }
        if let pending = turn.flying.take() { release(pending, turn.outlets) }
    }

    private func release(_ pending: Turn.Pending, _ outlets: Outlets) {
        for message in pending.effects.sends { outlets.send(message) }
        for (session, reason) in pending.effects.closes { outlets.close(session, reason) }
        for (id, reply) in pending.effects.replies { resolve(id, reply) }
        outlets.publish(pending.effects.events)
        for hand in pending.reads { hand() }
    }

    private func commitFailed(_ error: RedisStoreError, _ turn: inout Turn) {
        turn.failures += 1
        turn.isAirborne = false
        turn.retryAt = clock.now + .milliseconds(min(50 * turn.failures, 1_000))
        update {
            $0.isHealthy = false
            $0.error = error.message
        }
        if turn.failures == 1 {
            logger.warning("store does not answer", metadata: ["error": "\(error.message)"])
        }
        let reads = (turn.flying?.reads ?? []) + turn.next.reads
        turn.flying?.reads = []
        turn.next.reads = []
        for hand in reads { hand() }
    }

    // MARK: Waking

    /// How long to sleep until the next alarm, if no earlier sleeper is there.
    private func waitToArm(_ turn: inout Turn) -> Duration? {
        var due = turn.controller.nextWake() ?? .distantFuture
        if let retryAt = turn.retryAt { due = min(due, retryAt) }
        guard due != .distantFuture else { return nil }
        let now = clock.now
        if let armed = turn.wakeAt, armed > now, armed <= due { return nil }
        turn.wakeAt = due
        return max(due.since(now), .zero)
    }
}
