import FleetCore
import OrderedCollections
import Testing

/// The conversation of one agent and one controller, message by message.
@Suite struct LinkTests {
    private func agent(
        _ journal: AgentJournal = AgentJournal(), renewedAt: Instant? = nil, boot: String = "b"
    ) -> Agent {
        Agent(
            node: "n", incarnation: Incarnation(boot: boot, starts: 1),
            facts: .init(version: "1", processors: 1, memory: 1), journal: journal,
            renewedAt: renewedAt, seed: 1, at: .zero)
    }

    private func give(_ agent: inout Agent, _ events: AgentEvent..., at now: Instant = .zero)
        -> [AgentEffects.Effect]
    {
        var effects = AgentEffects()
        for event in events { agent.step(event, at: now, &effects) }
        return effects.list
    }

    private func welcome(term: UInt64) -> AgentEvent {
        .message(
            .welcome(
                Welcome(
                    session: SessionID(1), term: term, fleet: "f", heartbeat: .seconds(5),
                    stopAfter: .seconds(30))))
    }

    private let order = WorkerOrder(
        id: "pod", spec: WorkerSpec(image: "i"), isPod: true,
        readyWithin: .seconds(60))

    private func disconnects(_ effects: [AgentEffects.Effect]) -> Bool {
        effects.contains { if case .disconnect = $0 { true } else { false } }
    }

    @Test func `a sample is current for a while and then stale`() throws {
        let fleet = FleetSpec(fleet: "f", roamers: ["n"])
        var controller = Controller(
            restoring: .init(fleet: fleet), term: 1, seed: 1, at: .zero)
        var effects = Effects()
        let hello = Hello(
            node: "n", incarnation: Incarnation(boot: "b", starts: 1), version: "1")
        controller.step(.connected(hello, SessionID(1)), at: .zero, &effects)
        let first = try #require(controller.nodes["n"])
        #expect(first.currentTelemetry(at: .zero) == nil)
        let sample = Telemetry(gpu: 0.5)
        controller.step(.message("n", SessionID(1), .telemetry(sample)), at: .zero, &effects)
        let node = try #require(controller.nodes["n"])
        #expect(node.currentTelemetry(at: .zero + .seconds(15)) == sample)
        #expect(node.currentTelemetry(at: .zero + .milliseconds(15_001)) == nil)
    }

    @Test func `a controller of the past is refused`() {
        var agent = agent()
        #expect(!disconnects(give(&agent, .connected, welcome(term: 5))))
        let old = Assignments(term: 4, appliesTo: nil, resultsIn: 1, workers: [order])
        _ = give(&agent, .containers([], listedAt: .zero), .message(.assignments(old)))
        #expect(agent.journal.workers == [])
        #expect(disconnects(give(&agent, .disconnected, .connected, welcome(term: 4))))
        #expect(!agent.isLive)
        #expect(agent.journal.term == 5)
    }

    @Test func `orders follow each other, and a gap begins anew`() {
        var agent = agent()
        _ = give(&agent, .containers([], listedAt: .zero), .connected, welcome(term: 1))
        let first = Assignments(term: 1, appliesTo: nil, resultsIn: 7, workers: [order])
        #expect(!disconnects(give(&agent, .message(.assignments(first)))))
        let key = AttemptKey(job: "j", number: 1)
        func attempt(after base: UInt64, _ result: UInt64) -> AgentEvent {
            let run = AttemptOrder(key: key, place: .worker("pod"), input: "{}", kind: .image)
            return .message(
                .assignments(
                    Assignments(term: 1, appliesTo: base, resultsIn: result, attempts: [run])))
        }
        #expect(disconnects(give(&agent, attempt(after: 8, 9))))
        #expect(agent.journal.attempts.isEmpty)
        #expect(!disconnects(give(&agent, attempt(after: 7, 8))))
        #expect(agent.journal.attempts.map(\.order.key) == [key])
        // A complete set without it ends it.
        let empty = Assignments(term: 1, appliesTo: nil, resultsIn: 9, workers: [order])
        let effects = give(
            &agent, .disconnected, .connected, welcome(term: 1), .message(.assignments(empty)))
        #expect(effects.contains(.forget(key)))
        #expect(agent.journal.attempts.isEmpty)
    }

    @Test func `an attempt at or below the highest seen is refused`() {
        var journal = AgentJournal()
        journal.seen = [AttemptKey(job: "j", number: 3)]
        var agent = agent(journal)
        _ = give(&agent, .containers([], listedAt: .zero), .connected, welcome(term: 1))
        func run(_ number: Int) -> AttemptOrder {
            AttemptOrder(
                key: AttemptKey(job: "j", number: number), place: .worker("pod"), input: "{}",
                kind: .image)
        }
        let set = Assignments(term: 1, appliesTo: nil, resultsIn: 1, attempts: [run(3), run(4)])
        let effects = give(&agent, .message(.assignments(set)))
        #expect(agent.journal.attempts.map(\.order.key.number) == [4])
        let codes = effects.compactMap { effect -> FailureCode? in
            if case .send(.report(_, .attempt(let report))) = effect {
                report.error?.code
            } else {
                nil
            }
        }
        #expect(codes == [.attemptUnknown])
    }

    @Test func `a report is sent again until it is acknowledged`() {
        var agent = agent()
        _ = give(&agent, .containers([], listedAt: .zero), .connected, welcome(term: 1))
        func reports(_ effects: [AgentEffects.Effect]) -> [UInt64] {
            effects.compactMap {
                if case .send(.report(let sequence, _)) = $0 { sequence } else { nil }
            }
        }
        let set = Assignments(term: 1, appliesTo: nil, resultsIn: 1, cleaning: 9)
        _ = give(&agent, .message(.assignments(set)))
        let sent = reports(give(&agent, .cleaned(order: 9, leftovers: ["dust"])))
        #expect(sent.count == 1)
        #expect(reports(give(&agent, .disconnected, .connected, welcome(term: 1))) == sent)
        let again = give(
            &agent, .message(.acknowledged(sequence: sent.first ?? 0)), .disconnected, .connected,
            welcome(term: 1))
        #expect(reports(again) == [])
        // What a failed order left is not called clean when the set comes again.
        let told = give(&agent, .message(.assignments(set))).compactMap { effect -> [String]? in
            if case .send(.report(_, .cleaned(let report))) = effect {
                report.leftovers
            } else {
                nil
            }
        }
        #expect(told == [["dust"]])
    }

    @Test func `the lease counts from what was sent, and ends work that was never renewed`() {
        var agent = agent()
        _ = give(&agent, .containers([], listedAt: .zero), .connected, at: .zero)
        _ = give(&agent, welcome(term: 1), at: .zero + .seconds(2))
        let own = AttemptOrder(
            key: AttemptKey(job: "j", number: 1),
            place: .container(ContainerOrder(image: "i", command: [])), input: "{}", kind: .custom)
        let set = Assignments(term: 1, appliesTo: nil, resultsIn: 1, attempts: [own])
        _ = give(&agent, .message(.assignments(set)), .disconnected, at: .zero + .seconds(3))
        _ = give(&agent, .tick, at: .zero + .seconds(29))
        #expect(agent.journal.attempts.map(\.phase) == [.preparing])
        _ = give(&agent, .tick, at: .zero + .seconds(30))
        #expect(agent.journal.attempts.map(\.phase) == [.stopped])
        #expect(agent.journal.attempts.map(\.error?.code) == [.leaseEnded])
    }

    @Test func `a lease that ended long ago leaves a worker no time to stop its work`() {
        let pod = ContainerFact(
            id: "c", purpose: .worker("pod", fingerprint: order.spec.fingerprint), isRunning: true)
        let work = AttemptOrder(
            key: AttemptKey(job: "j", number: 1), place: .worker("pod"), input: "{}", kind: .text)
        let first = Assignments(term: 1, appliesTo: nil, resultsIn: 1, workers: [order])
        let second = Assignments(term: 1, appliesTo: 1, resultsIn: 2, attempts: [work])
        var old = agent()
        _ = give(
            &old, .containers([], listedAt: .zero), .connected, welcome(term: 1),
            .message(.assignments(first)), .pulled(Operation(1), .success("i")),
            .launched(Operation(2), .success(pod)), .probed("pod", container: "c", .ready),
            .message(.assignments(second)), .predictionStarted(work.key, .started))
        #expect(old.journal.attempts.map(\.phase) == [.running])
        // It dies and is back before the lease ends, and Docker answers twelve seconds after that: the
        // controller does not wait.
        var agent = Agent(
            node: "n", incarnation: Incarnation(boot: "b", starts: 2),
            facts: .init(version: "1", processors: 1, memory: 1), journal: old.journal,
            renewedAt: .zero, seed: 1, at: .zero + .seconds(22))
        let late = Instant.zero + .seconds(42)
        let did = give(&agent, .tick, .containers([pod], listedAt: late), .tick, at: late)
        #expect(did.contains { if case .cancelPrediction = $0 { true } else { false } })
        #expect(did.contains { if case .remove(_, "c", .zero) = $0 { true } else { false } })
    }

    @Test func `after a restart nothing is begun until it is ordered again`() {
        var old = agent()
        _ = give(&old, .containers([], listedAt: .zero), .connected, welcome(term: 1))
        let own = AttemptOrder(
            key: AttemptKey(job: "j", number: 1),
            place: .container(ContainerOrder(image: "i", command: [])), input: "{}", kind: .custom)
        let set = AgentEvent.message(
            .assignments(Assignments(term: 1, appliesTo: nil, resultsIn: 1, attempts: [own])))
        _ = give(&old, set)
        func pulls(_ effects: [AgentEffects.Effect]) -> Int {
            effects.count { if case .pull = $0 { true } else { false } }
        }
        // It was away for so long that the attempt may have been given up and done elsewhere.
        var agent = agent(old.journal)
        #expect(pulls(give(&agent, .containers([], listedAt: .zero))) == 0)
        #expect(pulls(give(&agent, .connected, welcome(term: 1))) == 0)
        var wanted = agent
        #expect(pulls(give(&wanted, set)) == 1)
        let nothing = Assignments(term: 1, appliesTo: nil, resultsIn: 1)
        #expect(pulls(give(&agent, .message(.assignments(nothing)))) == 0)
        #expect(agent.journal.attempts.isEmpty)
    }

    @Test func `what Docker was asked to start before a restart is not begun a second time`() {
        var old = agent()
        _ = give(&old, .containers([], listedAt: .zero), .connected, welcome(term: 1))
        let own = AttemptOrder(
            key: AttemptKey(job: "j", number: 1),
            place: .container(ContainerOrder(image: "i", command: [])), input: "{}", kind: .custom)
        let set = AgentEvent.message(
            .assignments(Assignments(term: 1, appliesTo: nil, resultsIn: 1, attempts: [own])))
        func launches(_ effects: [AgentEffects.Effect]) -> Bool {
            effects.contains { if case .launchAttempt = $0 { true } else { false } }
        }
        #expect(launches(give(&old, set, .pulled(Operation(1), .success("i")))))
        // Nothing of it is there any more: it never began, or it ran and somebody has removed it.
        var agent = agent(old.journal, renewedAt: .zero + .seconds(20))
        let effects = give(
            &agent, .containers([], listedAt: .zero), .connected, welcome(term: 1), set,
            .pulled(Operation(1), .success("i")))
        #expect(!launches(effects))
        #expect(agent.journal.attempts.map(\.error?.code) == [nil], "Docker may still be at it")
        let second = Instant.zero + .seconds(20)
        #expect(!launches(give(&agent, .containers([], listedAt: second), at: second)))
        #expect(agent.journal.attempts.map(\.phase) == [.preparing])
        // One that Docker was still making is taken up late, and one that is to stop is stopped then.
        let late = ContainerFact(id: "c", purpose: .attempt(own.key), isRunning: true)
        var waiting = agent
        _ = give(&waiting, .containers([late], listedAt: second), at: second)
        #expect(waiting.journal.attempts.map(\.phase) == [.running])
        var stop = own
        stop.stop = .cancelled
        let stopping = Assignments(
            term: 1, appliesTo: nil, resultsIn: 2, attempts: [stop])
        var unwanted = agent
        _ = give(&unwanted, .message(.assignments(stopping)), at: second)
        #expect(unwanted.journal.attempts.map(\.phase) == [.preparing])
        let stops = give(&unwanted, .containers([late], listedAt: second), at: second)
        #expect(stops.contains { if case .remove(_, "c", _) = $0 { true } else { false } })
        let third = Instant.zero + .seconds(40)
        _ = give(&agent, .containers([], listedAt: third), at: third)
        #expect(agent.journal.attempts.map(\.error?.code) == [.resultLost])
        // After a reboot Docker is at nothing of the old life.
        var rebooted = self.agent(old.journal, boot: "c")
        _ = give(&rebooted, .containers([], listedAt: .zero))
        #expect(rebooted.journal.attempts.map(\.error?.code) == [.resultLost])
        // What is there is taken up.
        let fact = ContainerFact(id: "c", purpose: .attempt(own.key), isRunning: true)
        var lucky = self.agent(old.journal, renewedAt: .zero)
        _ = give(&lucky, .containers([fact], listedAt: .zero))
        #expect(lucky.journal.attempts.map(\.phase) == [.running])
    }

    @Test func `a node is not called clean while a start of a former life may still come`() {
        let set = AgentEvent.message(
            .assignments(Assignments(term: 1, appliesTo: nil, resultsIn: 1, cleaning: 1)))
        func cleans(_ effects: [AgentEffects.Effect]) -> Bool {
            effects.contains { if case .clean = $0 { true } else { false } }
        }
        // A worker that was dismissed while Docker was at its start.
        var journal = AgentJournal()
        journal.launches = ["w"]
        var agent = agent(journal, renewedAt: .zero)
        let events = [
            AgentEvent.containers([], listedAt: .zero), .connected, welcome(term: 1), set,
        ]
        for event in events { #expect(!cleans(give(&agent, event))) }
        for (second, isClean) in [(10, false), (20, false), (29, false), (31, true)] {
            let now = Instant.zero + .seconds(second)
            #expect(cleans(give(&agent, .containers([], listedAt: now), at: now)) == isClean)
        }
        // After a reboot there is nothing to wait for, nor where Docker had answered.
        for var other in [self.agent(journal), self.agent(renewedAt: .zero)] {
            #expect(events.map { cleans(give(&other, $0)) }.last == true)
        }
    }

    @Test func `an answer that waited while the machine slept begins nothing`() {
        var agent = agent()
        _ = give(&agent, .containers([], listedAt: .zero), .connected, welcome(term: 1))
        let own = AttemptOrder(
            key: AttemptKey(job: "j", number: 1),
            place: .container(ContainerOrder(image: "i", command: [])), input: "{}", kind: .custom)
        let set = Assignments(term: 1, appliesTo: nil, resultsIn: 1, attempts: [own])
        var operation = Operation(0)
        for effect in give(&agent, .message(.assignments(set))) {
            if case .pull(let asked, _) = effect { operation = asked }
        }
        // It sleeps for a minute, and the alarm of the lease has not been heard yet.
        let late = give(&agent, .pulled(operation, .success("i")), at: .zero + .seconds(60))
        #expect(!late.contains { if case .launchAttempt = $0 { true } else { false } })
        #expect(agent.journal.attempts.map(\.phase) == [.stopped])
        #expect(agent.journal.attempts.map(\.error?.code) == [.leaseEnded])
    }

    @Test func `an attempt that waits for its worker does not begin after a long sleep`() {
        let pod = ContainerFact(
            id: "c", purpose: .worker("pod", fingerprint: order.spec.fingerprint), isRunning: true)
        let work = AttemptOrder(
            key: AttemptKey(job: "j", number: 1), place: .worker("pod"), input: "{}", kind: .text)
        let first = Assignments(term: 1, appliesTo: nil, resultsIn: 1, workers: [order])
        let second = Assignments(term: 1, appliesTo: 1, resultsIn: 2, attempts: [work])
        var agent = agent()
        func predicts(_ effects: [AgentEffects.Effect]) -> Bool {
            effects.contains { if case .predict = $0 { true } else { false } }
        }
        let asked = give(
            &agent, .containers([], listedAt: .zero), .connected, welcome(term: 1),
            .message(.assignments(first)), .pulled(Operation(1), .success("i")),
            .launched(Operation(2), .success(pod)), .probed("pod", container: "c", .ready),
            .message(.assignments(second)), .predictionStarted(work.key, .later("busy")))
        #expect(predicts(asked))
        // It sleeps for a minute: the alarm to ask again is older than that of the lease.
        for woken in [AgentEvent.tick, .message(.acknowledged(sequence: 99))] {
            var agent = agent
            let late = give(&agent, woken, at: .zero + .seconds(60))
            #expect(!predicts(late))
            #expect(agent.journal.attempts.map(\.error?.code) == [.leaseEnded])
        }
    }

    @Test func `a list made before a container was made says nothing about it`() {
        var agent = agent()
        _ = give(&agent, .containers([], listedAt: .zero), .connected, welcome(term: 1))
        let key = AttemptKey(job: "j", number: 1)
        let own = AttemptOrder(
            key: key, place: .container(ContainerOrder(image: "i", command: [])), input: "{}",
            kind: .custom)
        let set = Assignments(term: 1, appliesTo: nil, resultsIn: 1, attempts: [own])
        var operation = Operation(0)
        for effect in give(&agent, .message(.assignments(set))) {
            if case .pull(let asked, _) = effect { operation = asked }
        }
        for effect in give(&agent, .pulled(operation, .success("i"))) {
            if case .launchAttempt(let asked, _, _, _) = effect { operation = asked }
        }
        let fact = ContainerFact(id: "c", purpose: .attempt(key), isRunning: true)
        let launched = AgentEvent.launched(operation, .success(fact))
        _ = give(&agent, launched, at: .zero + .seconds(2))
        _ = give(&agent, .containers([], listedAt: .zero + .seconds(1)), at: .zero + .seconds(3))
        #expect(agent.journal.attempts.map(\.phase) == [.running])
        #expect(agent.journal.attempts.first?.exitCode == nil)
        _ = give(&agent, .containers([], listedAt: .zero + .seconds(4)), at: .zero + .seconds(5))
        #expect(agent.journal.attempts.first?.exitCode == 137, "but a later one does")
    }

    @Test func `the controller sends the whole first, then what changed`() {
        var controller = Controller(
            restoring: .init(fleet: .small), term: 3, seed: 1, at: .zero)
        var sets: [Assignments] = []
        func give(_ event: ControllerEvent) {
            var effects = Effects()
            controller.step(event, at: .zero, &effects)
            for outgoing in effects.sends {
                if case .assignments(let set) = outgoing.message { sets.append(set) }
            }
        }
        let hello = Hello(
            node: "agx-03", incarnation: Incarnation(boot: "b", starts: 1), version: "1")
        give(.connected(hello, SessionID(1)))
        let ready = WorkerReport(id: "eyes-api", phase: .ready)
        give(.message("agx-03", SessionID(1), .report(sequence: 1, .worker(ready))))
        give(.submit(RequestID(1), "j", JobRequest(kind: .vision)))
        give(.cancel(RequestID(2), "j"))
        give(.connected(hello, SessionID(2)))
        #expect(sets.map(\.appliesTo) == [nil, 1, 2, nil])
        #expect(sets.map(\.resultsIn) == [1, 2, 3, 4])
        #expect(sets.allSatisfy { $0.term == 3 })
        #expect(sets.map { $0.workers.map(\.id) } == [["eyes-api"], [], [], ["eyes-api"]])
        #expect(sets.map { $0.attempts.map(\.stop) } == [[], [nil], [.cancelled], [.cancelled]])
        // Messages of a session that is over are nobody's.
        give(.message("agx-03", SessionID(1), .report(sequence: 2, .worker(ready))))
        #expect(controller.nodes["agx-03"]?.workers.isEmpty == true)
    }

    @Test func `a hello that was overtaken by a later one is not believed`() {
        var controller = Controller(
            restoring: .init(fleet: .small), term: 3, seed: 1, at: .zero)
        var closed: [SessionID] = []
        func give(_ event: ControllerEvent) {
            var effects = Effects()
            controller.step(event, at: .zero, &effects)
            closed += effects.closes.map(\.session)
        }
        let hello = Hello(
            node: "agx-03", incarnation: Incarnation(boot: "b", starts: 1), version: "1")
        give(.connected(hello, SessionID(2)))
        let ready = WorkerReport(id: "eyes-api", phase: .ready)
        give(.message("agx-03", SessionID(2), .report(sequence: 1, .worker(ready))))
        give(.submit(RequestID(1), "j", JobRequest(kind: .vision)))
        let key = AttemptKey(job: "j", number: 1)
        let runs = AttemptReport(key: key, phase: .running)
        give(.message("agx-03", SessionID(2), .report(sequence: 2, .attempt(runs))))
        // It was said before the attempt came, so it does not name it; the attempt runs all the same.
        give(.connected(hello, SessionID(1)))
        #expect(closed == [SessionID(1)])
        #expect(controller.nodes["agx-03"]?.session == SessionID(2))
        #expect(controller.jobs["j"]?.state == .running)
    }
}
