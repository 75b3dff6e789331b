import FleetCore
import Testing

/// Nothing is started in memory that something else on the node still holds.
@Suite struct RoomTests {
    private let old = WorkerOrder(
        id: "old", spec: WorkerSpec(image: "i"), isPod: true, readyWithin: .seconds(60))
    private let new = WorkerOrder(
        id: "new", spec: WorkerSpec(image: "j"), isPod: true, readyWithin: .seconds(60))
    private var oldContainer: ContainerFact {
        ContainerFact(
            id: "c", purpose: .worker("old", fingerprint: old.spec.fingerprint), isRunning: true)
    }
    private let unavailable = Failure(.dockerUnavailable, "no answer")

    @Test func `what takes the place of a worker waits until that is gone`() throws {
        var node = Node()
        node.give(.containers([], listedAt: .zero))
        node.connect()
        node.order(1, [old])
        node.give(.pulled(Operation(1), .success("i")))
        node.give(.launched(Operation(2), .success(oldContainer)))
        node.order(2, [new])
        let removal = try #require(node.removal(of: "c"))
        node.give(.pulled(try #require(node.pull(of: "j")), .success("j")))
        #expect(!node.hasLaunched)
        node.give(.removed(removal, unavailable))
        #expect(!node.hasLaunched)
        node.give(.removed(removal, nil))
        #expect(node.hasLaunched)
    }

    @Test func `nothing starts beside a container of nobody, also when that could not be removed`()
        throws
    {
        var journal = AgentJournal()
        journal.boot = "b"
        var node = Node(journal)
        node.give(.containers([oldContainer], listedAt: .zero))
        #expect(node.removal(of: "c") == nil, "nobody has said yet what is whose")
        node.connect()
        node.order(1, [new])
        let removal = try #require(node.removal(of: "c"), "it need not wait for the next list")
        node.give(.pulled(try #require(node.pull(of: "j")), .success("j")))
        node.give(.removed(removal, unavailable))
        #expect(!node.hasLaunched)
        node.effects = []
        node.give(.containers([oldContainer], listedAt: .zero))
        #expect(node.removal(of: "c") != nil, "it is tried again")
        #expect(!node.hasLaunched)
        node.give(.containers([], listedAt: .zero))
        node.give(.removed(try #require(node.removal(of: "c")), nil))
        #expect(node.hasLaunched)
    }

    @Test func `what runs from a life that nobody remembers ends at once`() {
        let attempt = ContainerFact(
            id: "a", purpose: .attempt(AttemptKey(job: "j", number: 2)), isRunning: true)
        var node = Node()
        node.give(.containers([oldContainer, attempt], listedAt: .zero))
        #expect(node.removal(of: "c") != nil, "nobody knows whether its lease has ended")
        #expect(node.removal(of: "a") != nil)
    }

    @Test func `what could not be ended then ends in the next life`() throws {
        var node = Node()
        for second in [0, 10, 20, 31, 41] {
            let listedAt = Instant.zero + .seconds(second)
            node.give(.containers([oldContainer], listedAt: listedAt), at: second)
            node.give(.removed(try #require(node.removal(of: "c")), unavailable), at: second)
            node.effects = []
        }
        var next = Node(node.agent.journal, starts: 2)
        next.give(.containers([oldContainer], listedAt: .zero))
        #expect(next.removal(of: "c") != nil, "it still works under a lease that nobody knows")
        next.give(.removed(try #require(next.removal(of: "c")), nil))
        for second in [10, 20, 31] {
            next.give(.containers([], listedAt: .zero + .seconds(second)), at: second)
        }
        var last = Node(next.agent.journal, starts: 3)
        last.give(.containers([oldContainer], listedAt: .zero))
        #expect(last.removal(of: "c") == nil, "this one knows its past")
    }

    @Test(arguments: [false, true])
    func `the container of a life that nobody remembers is not taken for the worker`(
        isListedFirst: Bool
    ) throws {
        var node = Node()
        let unknown = ContainerFact(
            id: "c", purpose: .worker("new", fingerprint: new.spec.fingerprint), isRunning: true)
        if isListedFirst { node.give(.containers([unknown], listedAt: .zero)) }
        node.connect()
        node.order(1, [new])
        if !isListedFirst { node.give(.containers([unknown], listedAt: .zero)) }
        let removal = try #require(node.removal(of: "c"), "it may work on what was given up")
        node.give(.pulled(try #require(node.pull(of: "j")), .success("j")))
        #expect(!node.hasLaunched)
        node.give(.removed(removal, nil))
        #expect(node.hasLaunched)
    }

    @Test
    func `a worker dismissed before Docker has told what runs is in the way until it is gone`()
        throws
    {
        var journal = AgentJournal()
        journal.workers = [new, old]
        var node = Node(journal)
        node.connect()
        node.order(1, [new])
        node.give(.containers([oldContainer], listedAt: .zero))
        node.give(.pulled(try #require(node.pull(of: "j")), .success("j")))
        #expect(!node.hasLaunched)
        node.give(.removed(try #require(node.removal(of: "c")), nil))
        #expect(node.hasLaunched)
    }

    @Test func `a pod waits for the container of an attempt that was stopped as it was made`()
        throws
    {
        var attempt = AttemptOrder(
            key: AttemptKey(job: "j", number: 1),
            place: .container(ContainerOrder(image: "tool", command: [])), input: "{}",
            kind: .custom)
        var node = Node()
        node.give(.containers([], listedAt: .zero))
        node.connect()
        node.order(1, [], [attempt])
        node.give(.pulled(try #require(node.pull(of: "tool")), .success("tool")))
        attempt.stop = .evicted
        node.order(2, [new], [attempt])
        node.give(.pulled(try #require(node.pull(of: "j")), .success("j")))
        #expect(!node.hasLaunched)
        let made = ContainerFact(id: "a", purpose: .attempt(attempt.key), isRunning: true)
        node.give(.launched(Operation(2), .success(made)))
        #expect(!node.hasLaunched)
        node.give(.removed(try #require(node.removal(of: "a")), nil))
        #expect(node.hasLaunched)
    }

    @Test func `nothing starts while a container may come that a former life has asked for`()
        throws
    {
        var life = Node()
        life.give(.containers([], listedAt: .zero))
        life.connect()
        life.order(1, [old])
        life.give(.pulled(try #require(life.pull(of: "i")), .success("i")))
        life.order(2, [])
        #expect(life.agent.journal.workers.isEmpty)

        // It dies before Docker answers, and the memory is given to another.
        var node = Node(life.agent.journal)
        node.give(.containers([], listedAt: .zero))
        node.connect()
        node.order(3, [new])
        node.give(.pulled(try #require(node.pull(of: "j")), .success("j")))
        #expect(!node.hasLaunched)
        var late = node
        late.give(.containers([oldContainer], listedAt: .zero))
        #expect(!late.hasLaunched)
        late.give(.removed(try #require(late.removal(of: "c")), nil))
        #expect(!late.hasLaunched, "two lives may have asked for it")
        late.give(.containers([], listedAt: .zero + .seconds(31)), at: 31)
        #expect(late.hasLaunched)

        for second in [10, 29, 31] {
            #expect(!node.hasLaunched)
            node.give(.containers([], listedAt: .zero + .seconds(second)), at: second)
        }
        #expect(node.hasLaunched)

        // What was asked for itself need not wait: the name is the same.
        var same = Node(life.agent.journal)
        same.give(.containers([], listedAt: .zero))
        same.connect()
        same.order(3, [old])
        same.give(.pulled(try #require(same.pull(of: "i")), .success("i")))
        #expect(same.agent.journal.launches == ["old"])
        #expect(
            same.effects.contains { if case .launchWorker = $0 { true } else { false } })

        // After a reboot nothing comes.
        var other = Node(life.agent.journal, boot: "c")
        other.give(.containers([], listedAt: .zero))
        other.connect()
        other.order(3, [new])
        other.give(.pulled(try #require(other.pull(of: "j")), .success("j")))
        #expect(other.hasLaunched)
    }

    @Test func `an agent that has lost its journal waits for what it may have asked for`() throws {
        // It is told that there was another life; a fresh one is not, and need not wait.
        var node = Node()
        node.give(.containers([], listedAt: .zero))
        node.connect(hasFormerLife: true)
        node.order(1, [new])
        node.give(.pulled(try #require(node.pull(of: "j")), .success("j")))
        #expect(!node.hasLaunched)

        // Another life knows no more.
        var next = Node(node.agent.journal)
        next.give(.containers([], listedAt: .zero))
        next.connect(hasFormerLife: true)
        next.order(1, [new])
        next.give(.pulled(try #require(next.pull(of: "j")), .success("j")))
        #expect(!next.hasLaunched)

        for second in [10, 29, 31] {
            #expect(!node.hasLaunched)
            node.give(.containers([], listedAt: .zero + .seconds(second)), at: second)
        }
        #expect(node.hasLaunched)
        #expect(node.agent.journal.boot == "b", "from now on its journal tells all")
    }

    @Test func `a worker whose order changes is replaced when nothing runs on it`() throws {
        let attempt = AttemptOrder(
            key: AttemptKey(job: "j", number: 1), place: .worker("old"), input: "{}", kind: .image)
        var node = Node()
        node.give(.containers([], listedAt: .zero))
        node.connect()
        node.order(1, [old], [attempt])
        node.give(.pulled(Operation(1), .success("i")))
        node.give(.launched(Operation(2), .success(oldContainer)))
        node.give(.probed("old", container: "c", .ready))
        node.give(.predictionStarted(attempt.key, .started))
        var changed = old
        changed.spec.image = "k"
        node.order(2, [changed], [attempt])
        #expect(node.removal(of: "c") == nil)
        node.give(.predictionEnded(attempt.key, .cancelled))
        #expect(node.removal(of: "c") != nil)
    }

    @Test
    func `an attempt whose worker was being removed when the agent died ends with the container`()
        throws
    {
        var attempt = AttemptOrder(
            key: AttemptKey(job: "j", number: 1), place: .worker("old"), input: "{}", kind: .image)
        var node = Node()
        node.give(.containers([], listedAt: .zero))
        node.connect()
        node.order(1, [old])
        node.give(.pulled(Operation(1), .success("i")))
        node.give(.launched(Operation(2), .success(oldContainer)))
        node.give(.probed("old", container: "c", .ready))
        node.order(2, [old], [attempt])
        node.give(.predictionStarted(attempt.key, .started))
        #expect(node.agent.journal.attempts.first?.container?.id == "c")
        // The node is moved to another cluster: its jobs shall stop, its worker goes.
        attempt.stop = .evicted
        node.order(3, [], [attempt])
        var next = Node(node.agent.journal, starts: 2)
        next.give(.containers([oldContainer], listedAt: .zero))
        next.connect()
        next.order(3, [], [attempt])
        #expect(!next.hasEnded(attempt.key), "it may still work")
        next.give(.removed(try #require(next.removal(of: "c")), nil))
        #expect(next.hasEnded(attempt.key))
    }

    /// An agent's machine, and all it has asked for.
    private struct Node {
        var agent: Agent
        var effects: [AgentEffects.Effect] = []

        init(_ journal: AgentJournal = AgentJournal(), boot: String = "b", starts: UInt64 = 1) {
            agent = Agent(
                node: "n", incarnation: Incarnation(boot: boot, starts: starts),
                facts: .init(version: "1", processors: 1, memory: 1), journal: journal,
                renewedAt: nil, seed: 1, at: .zero)
        }

        mutating func give(_ event: AgentEvent, at second: Int = 0) {
            var new = AgentEffects()
            agent.step(event, at: .zero + .seconds(second), &new)
            effects += new.list
        }

        mutating func connect(hasFormerLife: Bool = false) {
            give(.connected)
            let welcome = Welcome(
                session: SessionID(1), term: 1, fleet: "f", heartbeat: .seconds(5),
                stopAfter: .seconds(30), hasFormerLife: hasFormerLife)
            give(.message(.welcome(welcome)))
        }

        mutating func order(
            _ number: UInt64, _ workers: [WorkerOrder], _ attempts: [AttemptOrder] = []
        ) {
            let set = Assignments(
                term: 1, appliesTo: nil, resultsIn: number, workers: workers, attempts: attempts)
            give(.message(.assignments(set)))
        }

        var hasLaunched: Bool {
            effects.contains {
                if case .launchWorker(_, let order, _) = $0 { order.id == "new" } else { false }
            }
        }

        /// Whether it has said that an attempt is over.
        func hasEnded(_ key: AttemptKey) -> Bool {
            effects.contains {
                guard case .send(.report(_, .attempt(let report))) = $0 else { return false }
                return report.key == key && report.phase.isFinal
            }
        }

        func removal(of container: String) -> Operation? {
            for case .remove(let operation, container, _) in effects { return operation }
            return nil
        }

        func pull(of image: String) -> Operation? {
            for case .pull(let operation, image) in effects { return operation }
            return nil
        }
    }
}
