import FleetCore
import OrderedCollections

/// One life of a controller: the machine, the rule of its group commit, and its clock.
final class ControllerProcess {
    /// Which life it is, from 0.
    let life: Int
    let term: UInt64
    let clock: LocalClock
    var machine: Controller
    var commit: GroupCommit<Never>
    /// The batch on its way, for a repeat.
    var sealed: StoreBatch?
    var lastNumber: UInt64 = 0
    var wakeAt: Instant?
    /// What `wakeAt` was planned for, by its own clock.
    var wakeDue = Instant.zero
    var isAlive = true
    var frozenUntil = Instant.zero
    /// It cannot reach the store until then.
    var cutOffUntil = Instant.zero

    init(
        life: Int, term: UInt64, clock: LocalClock, machine: Controller, leadWithin: Duration?,
        at now: Instant
    ) {
        self.life = life
        self.term = term
        self.clock = clock
        self.machine = machine
        commit = GroupCommit(at: now, leadWithin: leadWithin)
    }
}

extension World {
    /// The controller that agents reach: the one that started last.
    var leader: ControllerProcess? {
        guard let last = controllers.last, last.isAlive else { return nil }
        return last
    }

    // MARK: Lives

    /// Starts a controller; one that still runs is deposed, and does not know it yet.
    func startController() {
        guard store.downUntil <= now else {
            return plan(.startController, at: store.downUntil + .milliseconds(500))
        }
        let life = controllers.count
        let term = store.bumpTerm()
        // Anchored to a wall clock that may have been set, and never below what was stored.
        let wall =
            Instant(nanoseconds: scenario.weather.epochSeconds * 1_000_000_000)
            + now.since(.zero) + wallOffset
        let clock = LocalClock(
            showing: max(wall, store.clock), at: now, driftPPM: drift(.controller, life))
        let at = clock.local(now)
        let machine = Controller(
            restoring: store.snapshot(for: policy), term: term, seed: seeds.seed(.controller, life),
            at: at,
            policy: policy)
        let process = ControllerProcess(
            life: life, term: term, clock: clock, machine: machine,
            leadWithin: scenario.weather.standby ? Self.leadWithin : nil, at: at)
        controllers.append(process)
        checker.controllerStarted(self, process)
        note("controller") { "starts, term \(term)" }
        trace.mix(term)
        planWake(process)
    }

    /// How old a proof of leadership may be where a standby waits: with the time after which an
    /// agent stops by itself it must fit into the time after which its successor gives it up.
    static let leadWithin = Duration.seconds(10)

    /// A controller dies; batches on their way may still arrive.
    func crash(_ process: ControllerProcess, downFor length: Duration) {
        guard process.isAlive else { return }
        note("controller") { "dies, term \(process.term)" }
        end(process)
        if controllers.last === process { plan(.startController, after: length) }
    }

    /// The end of a controller's life: its connections are closed by its kernel.
    private func end(_ process: ControllerProcess) {
        process.isAlive = false
        for host in hosts {
            if let link = host.link, link.controller == process.life {
                closeControllerEnd(host, link, tells: false)
            }
        }
        checker.controllerEnded(self, process)
    }

    // MARK: Steps

    /// Gives a controller an event, now.
    func step(_ process: ControllerProcess, _ event: ControllerEvent) {
        guard process.isAlive else { return }
        tally.steps += 1
        let local = process.clock.local(now)
        note("controller") { Self.text(of: event) }
        var effects = Effects()
        let begin = stopwatch == nil ? nil : ContinuousClock.now
        process.machine.step(event, at: local, &effects)
        if let begin {
            stopwatch?.controller.add(since: begin)
            stopwatch?.note(waiting: process.machine.waitingJobs)
        }
        checker.afterStep(self, process, effects)
        if !effects.isEmpty { process.commit.next.effects.merge(effects) }
        pump(process)
    }

    /// Does what a turn of the control loop does after its events.
    func pump(_ process: ControllerProcess) {
        let local = process.clock.local(now)
        for outgoing in process.commit.takeUrgent(at: local) { sendDown(process, outgoing) }
        while let action = process.commit.action(at: local) {
            switch action {
            case .release(let pending): release(process, pending)
            case .store(let pending):
                seal(process, pending)
                send(process)
                planWake(process)
                return
            case .prove:
                seal(process, nil)
                send(process)
                planWake(process)
                return
            case .storeAgain:
                send(process)
                planWake(process)
                return
            }
        }
        planWake(process)
    }

    private func seal(_ process: ControllerProcess, _ pending: GroupCommit<Never>.Pending?) {
        process.lastNumber += 1
        var batch = StoreBatch(term: process.term, number: process.lastNumber)
        let machine = process.machine
        batch.counters = machine.counters
        batch.clock = process.clock.local(now)
        if let effects = pending?.effects {
            batch.jobs = effects.jobs.compactMap { machine.jobs[$0] ?? effects.trimmed[$0] }
            batch.plans = effects.plans.compactMap { machine.plan($0) ?? effects.trimmedPlans[$0] }
            batch.nodes = effects.nodes.map { ($0, machine.nodes[$0]?.record) }
            batch.events = effects.events
            if effects.fleetChanged {
                batch.fleet = machine.fleet
                batch.revision = machine.fleetRevision
            }
        }
        process.sealed = batch
    }

    private func send(_ process: ControllerProcess) {
        let half = scenario.weather.commitDelay.nanoseconds / 2
        let delay = Duration.nanoseconds(half) + storeRandom.duration(upTo: .nanoseconds(half))
        plan(.batchArrives(process.life, process.lastNumber), after: delay)
    }

    /// A batch reaches the store, or does not.
    func batchArrives(_ life: Int, _ number: UInt64) {
        let process = controllers[life]
        guard let batch = process.sealed, batch.number == number else { return }
        if store.downUntil > now || process.cutOffUntil > now {
            return plan(.storeAnswers(life, number, .silent), after: .seconds(1))
        }
        let (answer, isNew) = store.store(batch)
        if isNew {
            tally.commits += 1
            checker.afterWrite(self, batch)
        }
        if store.repliesToLose > 0 {
            store.repliesToLose -= 1
            return plan(.storeAnswers(life, number, .silent), after: .seconds(1))
        }
        var delay = Duration.nanoseconds(scenario.weather.commitDelay.nanoseconds / 2)
        if store.slowUntil > now { delay = delay + store.slowBy }
        plan(.storeAnswers(life, number, answer), after: delay)
    }

    /// The answer of the store reaches the controller.
    func storeAnswers(_ life: Int, _ number: UInt64, _ answer: StoreAnswer) {
        let process = controllers[life]
        guard process.isAlive, process.lastNumber == number, process.commit.isAirborne else {
            return
        }
        if process.frozenUntil > now {
            return plan(.storeAnswers(life, number, answer), at: process.frozenUntil)
        }
        let local = process.clock.local(now)
        switch answer {
        case .stored:
            let pending = process.commit.stored()
            release(process, pending)
        case .silent: process.commit.failed(at: local)
        case .fenced:
            note("controller") { "is fenced, term \(process.term)" }
            end(process)
            return
        }
        pump(process)
    }

    private func release(_ process: ControllerProcess, _ pending: GroupCommit<Never>.Pending) {
        for outgoing in pending.effects.sends { sendDown(process, outgoing) }
        for closing in pending.effects.closes { close(process, closing.session, closing.reason) }
        for (request, reply) in pending.effects.replies { answered(request, reply) }
    }

    func planWake(_ process: ControllerProcess) {
        var due = process.machine.nextWake() ?? .distantFuture
        if let wake = process.commit.nextWake { due = min(due, wake) }
        guard due != .distantFuture else { return }
        // Nearly always what it was.
        if due == process.wakeDue, process.wakeAt != nil { return }
        process.wakeDue = due
        let at = max(process.clock.world(due), now)
        if let planned = process.wakeAt, planned <= at { return }
        process.wakeAt = at
        plan(.wakeController(process.life), at: at)
    }

    func wake(_ process: ControllerProcess) {
        guard process.isAlive, process.wakeAt == now else { return }
        process.wakeAt = nil
        if process.frozenUntil > now {
            process.wakeAt = process.frozenUntil
            return plan(.wakeController(process.life), at: process.frozenUntil)
        }
        if let due = process.machine.nextWake(), due <= process.clock.local(now) {
            step(process, .tick)
        } else {
            pump(process)
        }
    }
}
