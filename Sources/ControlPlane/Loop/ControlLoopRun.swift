package import FleetCore
import Logging
import OrderedCollections
package import RedisStore

extension ControlLoop {
    /// Runs until cancelled.
    ///
    /// Throws `fenced` when another controller has taken over, and `invalidArgument` when a record is
    /// too large to be stored.
    package func run(
        _ controller: consuming Controller, outlets: Outlets
    ) async throws(RedisStoreError) {
        let start = Turn(
            controller: controller, outlets: outlets,
            commit: GroupCommit(
                at: clock.now - (ContinuousClock.now - ledSince), leadWithin: leadWithin))
        let outcome: Result<Void, RedisStoreError> = await withDiscardingTaskGroup { group in
            var turn = start
            defer {
                group.cancelAll()
                end(turn.controller, Rider.reads(turn.commit.takeRiders()))
            }
            while !Task.isCancelled {
                for item in mailbox.takeAll() {
                    if let error = take(item, &turn) { return .failure(error) }
                }
                tickIfDue(&turn)
                flushUrgent(&turn)
                while let batch = batchToSend(&turn) {
                    group.addTask { await self.send(batch) }
                }
                if let wait = waitToArm(&turn) {
                    group.addTask { [mailbox] in
                        try? await Task.sleep(for: wait)
                        mailbox.nudge()
                    }
                }
                onTurn()
                await mailbox.wait()
            }
            return .success(())
        }
        try outcome.get()
    }

    /// What travels with a batch beside the machine's own effects.
    private enum Rider: Sendable {
        /// Hands out what was read.
        case read(@Sendable () -> Void)
        /// The fleet with the text it came from.
        case applied(AppliedFleet)

        var isRead: Bool {
            if case .read = self { true } else { false }
        }

        static func reads(_ riders: [Rider]) -> [@Sendable () -> Void] {
            riders.compactMap { if case .read(let hand) = $0 { hand } else { nil } }
        }
    }

    /// The loop's own state.
    private struct Turn: Sendable {
        var controller: Controller
        let outlets: Outlets
        var commit: GroupCommit<Rider>
        /// The batch that is being stored, for a repeat: a repeat takes effect once.
        var sealed: SealedBatch?
        /// What is in that batch.
        var sealedBatch = StoredBatch()
        /// Whether renewals of leases are held back, which is logged once.
        var isHeldBack = false
        var wakeAt: Instant?
    }

    private func take(_ item: Item, _ turn: inout Turn) -> RedisStoreError? {
        switch item {
        case .event(let event):
            if let request = event.asksForWork, isFull(&turn) {
                resolve(request, .refused(Self.tooMuchAtOnce))
            } else {
                step(event, &turn)
            }
        case .apply(let id, let spec, let source):
            let before = turn.controller.fleetRevision
            step(.apply(id, spec), &turn)
            if turn.controller.fleetRevision != before {
                turn.commit.next.riders.append(
                    .applied(
                        AppliedFleet(
                            revision: turn.controller.fleetRevision, at: clock.now, source: source,
                            spec: spec)))
            }
        case .read(let body):
            let hand = body(turn.controller, clock.now)
            // With the store away an operator must still see; what is shown may be taken back by a crash.
            if (turn.commit.flying == nil && !turn.commit.next.effects.needsCommit)
                || !health.isHealthy
            {
                hand()
            } else {
                turn.commit.next.riders.append(.read(hand))
            }
        case .committed(.success(let latency)): committed(latency, &turn)
        case .committed(.failure(let error)):
            if [.fenced, .superseded, .invalidArgument].contains(error.code) { return error }
            commitFailed(error, &turn)
        }
        return nil
    }

    private func step(_ event: ControllerEvent, _ turn: inout Turn) {
        if let recalled = event.recalled { recalls.note(recalled) }
        turn.controller.step(event, at: clock.now, &turn.commit.next.effects)
        update { $0.steps += 1 }
    }

    private static let tooMuchAtOnce = Refusal(
        .queueFull, "the store has yet to take what was accepted; try again in a moment",
        retryAfter: .seconds(1))

    /// Whether the next batch would be more than the store takes if clients went on to ask for work.
    private func isFull(_ turn: inout Turn) -> Bool {
        turn.commit.next.weigh(turn.controller.jobs)
        return turn.commit.next.weight > fullWeight
    }

    private func tickIfDue(_ turn: inout Turn) {
        let now = clock.now
        guard let due = turn.controller.nextWake(), due <= now else { return }
        turn.controller.step(.tick, at: now, &turn.commit.next.effects)
    }

    private func flushUrgent(_ turn: inout Turn) {
        guard !turn.commit.next.effects.urgent.isEmpty else { return }
        let urgent = turn.commit.takeUrgent(at: clock.now)
        if urgent.isEmpty, !turn.isHeldBack {
            logger.warning("leases are not renewed: another controller may lead by now")
        }
        turn.isHeldBack = urgent.isEmpty
        for message in urgent { turn.outlets.send(message) }
    }

    // MARK: Committing

    /// The batch to send now, if any; what needs no storing is let go on the way.
    private func batchToSend(_ turn: inout Turn) -> SealedBatch? {
        while let action = turn.commit.action(at: clock.now) {
            switch action {
            case .release(let pending): release(pending, turn.outlets)
            case .storeAgain: return turn.sealed
            case .store(let pending): return seal(change(pending, turn.controller), &turn)
            case .prove:
                let nothing = FleetChange(counters: turn.controller.counters, clock: clock.now)
                return seal(nothing, &turn)
            }
        }
        return nil
    }

    private func seal(_ change: FleetChange, _ turn: inout Turn) -> SealedBatch? {
        do {
            turn.sealed = try store.seal(change, term: term)
            turn.sealedBatch = StoredBatch(
                jobs: change.jobs, events: change.events,
                tokens: change.tokens, goneTokens: change.goneTokens,
                webhooks: change.webhooks, goneWebhooks: change.goneWebhooks)
        } catch {
            // A record that cannot be stored is a bug of ours, and stopping the only safe answer.
            logger.critical("batch cannot be made", metadata: ["error": "\(error.message)"])
            mailbox.post(.committed(.failure(error)))
            return nil
        }
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

    private func change(
        _ pending: GroupCommit<Rider>.Pending, _ controller: Controller
    ) -> FleetChange {
        var change = FleetChange(counters: controller.counters, clock: clock.now)
        for id in pending.effects.jobs {
            if let job = controller.jobs[id] ?? pending.effects.trimmed[id] {
                change.jobs.append(job)
            }
        }
        for id in pending.effects.plans {
            if let plan = controller.plan(id) ?? pending.effects.trimmedPlans[id] {
                change.plans.append(plan)
            }
        }
        change.accepted = Self.accepted(pending.effects.replies, in: change)
        for name in pending.effects.nodes {
            if let node = controller.nodes[name] {
                change.nodes.append(node.record)
            } else {
                change.goneNodes.append(name)
            }
        }
        for name in pending.effects.tokens {
            if let token = controller.tokens[name] {
                change.tokens.append(token)
            } else {
                change.goneTokens.append(name)
            }
        }
        for name in pending.effects.bans {
            if let at = controller.bans[name] { change.bans.append(NodeBan(node: name, at: at)) }
        }
        for name in pending.effects.webhooks {
            if let webhook = controller.webhooks[name] {
                change.webhooks.append(webhook)
            } else {
                change.goneWebhooks.append(name)
            }
        }
        for case .applied(let fleet) in pending.riders { change.fleet = fleet }
        change.events = pending.effects.events
        return change
    }

    /// What is new in a change and has an idempotency key; what is only replayed is stored already.
    private static func accepted(
        _ replies: [(RequestID, Reply)], in change: FleetChange
    ) -> [AcceptedRequest] {
        var jobs: Set<JobID> = []
        var plans: Set<PlanID> = []
        for (_, reply) in replies {
            switch reply {
            case .accepted(let id, replayed: false): jobs.insert(id)
            case .planAccepted(let id, replayed: false): plans.insert(id)
            case .accepted, .planAccepted, .done, .unknownKey, .refused: continue
            }
        }
        return change.jobs.filter { jobs.contains($0.id) }.compactMap { AcceptedRequest($0) }
            + change.plans.filter { plans.contains($0.id) }.compactMap { AcceptedRequest($0) }
    }

    private func committed(_ latency: Duration, _ turn: inout Turn) {
        if turn.commit.failures > 0 { logger.notice("store is back") }
        turn.sealed = nil
        turn.sealedBatch.latency = latency
        turn.outlets.stored(turn.sealedBatch)
        turn.sealedBatch = StoredBatch()
        update {
            $0.isHealthy = true
            $0.error = nil
            $0.latency = latency
            $0.commits += 1
            $0.committingSince = nil
        }
        release(turn.commit.stored(), turn.outlets)
    }

    private func release(_ pending: GroupCommit<Rider>.Pending, _ outlets: Outlets) {
        for message in pending.effects.sends { outlets.send(message) }
        for closing in pending.effects.closes { outlets.close(closing) }
        for (id, reply) in pending.effects.replies { resolve(id, reply) }
        outlets.publish(pending.effects.events)
        for hand in Rider.reads(pending.riders) { hand() }
    }

    private func commitFailed(_ error: RedisStoreError, _ turn: inout Turn) {
        turn.commit.failed(at: clock.now)
        update {
            $0.isHealthy = false
            $0.error = error.message
        }
        if turn.commit.failures == 1 {
            logger.warning("store does not answer", metadata: ["error": "\(error.message)"])
        }
        for hand in Rider.reads(turn.commit.takeRiders(where: \.isRead)) { hand() }
    }

    // MARK: Waking

    /// How long to sleep until the next alarm, if no earlier sleeper is there.
    private func waitToArm(_ turn: inout Turn) -> Duration? {
        var due = turn.controller.nextWake() ?? .distantFuture
        if let wake = turn.commit.nextWake { due = min(due, wake) }
        guard due != .distantFuture else { return nil }
        let now = clock.now
        if let armed = turn.wakeAt, armed > now, armed <= due { return nil }
        turn.wakeAt = due
        return max(due.since(now), .zero)
    }
}

extension ControllerEvent {
    /// The request, where one asks for jobs that are not open yet.
    fileprivate var asksForWork: RequestID? {
        switch self {
        case .submit(let request, _, _, _), .retry(let request, _, _),
            .submitPlan(let request, _, _, _), .retryPlan(let request, _, _):
            request
        default: nil
        }
    }

    /// What it gives the machine back of the past; nil when that is nothing.
    fileprivate var recalled: Recalled? {
        switch self {
        case .submit(_, _, _, let recalled), .cancel(_, _, let recalled),
            .retry(_, _, let recalled), .submitPlan(_, _, _, let recalled),
            .retryPlan(_, _, let recalled):
            recalled == Recalled() ? nil : recalled
        default: nil
        }
    }
}
