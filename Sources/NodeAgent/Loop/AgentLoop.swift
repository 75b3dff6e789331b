import FleetCore
import Logging
import Settings

/// The one owner of the agent's machine.
///
/// Each turn it takes everything that has happened, steps the machine, saves the journal if it must, and
/// only then does what the machine wants; then it sleeps until something happens or an alarm is due.
struct AgentLoop: Sendable {
    /// What the loop is told.
    enum Item: Sendable {
        /// Something has happened.
        case event(AgentEvent)
        /// Something on the link.
        case link(LinkChange)
    }

    let mailbox: Mailbox<Item>
    let clock: BootClock
    let journal: JournalFile
    let lease: LeaseFile
    let doer: Doer
    let logger: Logger
    /// Hears of every turn that is finished.
    var onTurn: @Sendable (Agent) -> Void = { _ in }

    /// How soon a journal is saved again that could not be.
    private static let saveRetry = Duration.seconds(1)

    /// The loop's own state.
    private struct Turn: Sendable {
        var agent: Agent
        /// What is to be done; held back while the journal cannot be saved.
        var effects = AgentEffects()
        /// The connection the machine knows of.
        var epoch: UInt64 = 0
        var saved: AgentJournal
        var savedLease: Instant?
        var saveFailed = false
    }

    /// Runs until cancelled.
    func run(_ agent: Agent) async {
        let start = Turn(agent: agent, saved: agent.journal, savedLease: agent.renewedAt)
        await withDiscardingTaskGroup { group in
            var turn = start
            while !Task.isCancelled {
                for item in mailbox.takeAll() { take(item, &turn) }
                if let due = turn.agent.nextWake(), due <= clock.now { step(.tick, &turn) }
                await noteLease(&turn)
                if await save(&turn) {
                    release(&turn, &group)
                } else {
                    releaseHeartbeats(&turn, &group)
                }
                onTurn(turn.agent)
                await mailbox.signal.wait(atMost: sleep(&turn))
            }
            group.cancelAll()
        }
    }

    private func take(_ item: Item, _ turn: inout Turn) {
        switch item {
        case .event(let event): step(event, &turn)
        case .link(.up(let epoch)):
            turn.epoch = epoch
            doer.linkChanged()
            step(.connected, &turn)
        case .link(.down): step(.disconnected, &turn)
        case .link(.message(let message)): step(.message(message), &turn)
        }
    }

    private func step(_ event: AgentEvent, _ turn: inout Turn) {
        let before = turn.effects.list.count
        turn.agent.step(event, at: clock.now, &turn.effects)
        logger.trace(
            "step", metadata: ["effects": "\(turn.effects.list.count - before)"])
    }

    // MARK: Saving

    /// Whether nothing stands between the effects and the world.
    private func save(_ turn: inout Turn) async -> Bool {
        guard turn.effects.needsSave else { return true }
        let next = turn.agent.journal
        if next != turn.saved {
            do {
                let journal = journal
                // Not cancelled half way: what is begun is finished.
                try await Disk.run { try journal.save(next) }
            } catch {
                if !turn.saveFailed, !Task.isCancelled {
                    logger.critical(
                        "journal cannot be saved; nothing new is begun until it can",
                        metadata: ["error": "\(error)"])
                }
                turn.saveFailed = true
                return false
            }
        }
        turn.saved = next
        turn.effects.needsSave = false
        guard turn.saveFailed else { return true }
        logger.notice("journal is saved again")
        turn.saveFailed = false
        // What waited may be outdated by now: nothing is begun from it.
        for event in turn.effects.expireBeginnings() { step(event, &turn) }
        return await save(&turn)
    }

    private func noteLease(_ turn: inout Turn) async {
        guard let renewedAt = turn.agent.renewedAt, renewedAt != turn.savedLease else { return }
        turn.savedLease = renewedAt
        let lease = lease
        try? await Disk.run { lease.save(renewedAt) }
    }

    // MARK: Doing

    private func release(_ turn: inout Turn, _ group: inout DiscardingTaskGroup) {
        let effects = turn.effects.list
        turn.effects.list = []
        for effect in effects {
            if case .clean = effect {
                let known = turn.agent.journal.attempts.map { NodeLabels.plain($0.order.key) }
                doer.perform(effect, epoch: turn.epoch, known: Set(known), &group)
            } else {
                doer.perform(effect, epoch: turn.epoch, known: [], &group)
            }
        }
    }

    /// A full disk must not cost the node its leases: heartbeats promise nothing.
    private func releaseHeartbeats(_ turn: inout Turn, _ group: inout DiscardingTaskGroup) {
        var held: [AgentEffects.Effect] = []
        for effect in turn.effects.list {
            if case .send(.heartbeat) = effect {
                doer.perform(effect, epoch: turn.epoch, known: [], &group)
            } else {
                held.append(effect)
            }
        }
        turn.effects.list = held
        turn.effects.dropOutdatedReports()
    }

    private func sleep(_ turn: inout Turn) -> Duration? {
        var wait = turn.agent.nextWake().map { max($0.since(clock.now), .zero) }
        if turn.saveFailed { wait = min(wait ?? Self.saveRetry, Self.saveRetry) }
        return wait
    }
}
