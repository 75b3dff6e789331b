import Foundation
import Synchronization

/// `top` on a terminal: carries news to the model, and what it wants to the controller and the screen.
final class TopShell: Sendable {
    let session: Session
    let client: APIClient
    let screen: any Screen
    private struct State {
        var model: TopModel
        var stale: Set<TopFleet.Part> = []
        var mustRedraw = true
        /// Questions to the controller that wait for their answers.
        var asked = 0
    }
    private let state: Mutex<State>
    // Each holds one word at most: that there is something to do.
    private let drawing: Bell
    private let reading: Bell
    private let actions: AsyncStream<TopAction>
    private let wanted: AsyncStream<TopAction>.Continuation

    /// The shortest time between two frames.
    private static let frame = Duration.milliseconds(100)
    /// The shortest time between two reads, in seconds.
    private static let rest = 1.0
    /// Events of the past that are shown at first.
    private static let pastEvents = 200
    /// Actions that may wait to be begun.
    private static let actionsMax = 100
    /// Questions that keys may have asked the controller before it has answered.
    private static let askedMax = 8

    init(session: Session, client: APIClient, screen: any Screen) {
        self.session = session
        self.client = client
        self.screen = screen
        drawing = Bell()
        reading = Bell()
        (actions, wanted) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingOldest(Self.actionsMax))
        state = Mutex(State(model: TopModel(size: screen.size, now: session.context.now())))
    }

    /// Shows the fleet until a key quits, the terminal is gone, or the controller refuses.
    func run(first: TopFleet.Reading) async throws {
        tell(.read(first))
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask { await self.takeInputs() }
            group.addTask { try await self.follow() }
            group.addTask { try await self.read() }
            group.addTask { try await self.draw() }
            group.addTask { try await self.tick() }
            group.addTask { await self.readPast() }
            group.addTask { await self.obey() }
            defer { group.cancelAll() }
            while let isOver = try await group.next() {
                if isOver { return }
            }
        }
    }

    /// Tells the model, and hands on what it wants done.
    private func tell(_ news: TopNews) {
        let now = session.context.now()
        for action in state.withLock({ $0.model.take(news, at: now) }) { wanted.yield(action) }
        drawing.ring()
    }

    /// Keys and sizes; true when the terminal is gone or a key has quit.
    private func takeInputs() async -> Bool {
        var keys = TopKeyReader()
        for await input in screen.inputs() {
            switch input {
            case .bytes(let bytes): for key in keys.feed(bytes) { tell(.key(key)) }
            case .resized:
                state.withLock { $0.mustRedraw = true }
                tell(.resized(screen.size))
            case .ended: return true
            }
        }
        return true
    }

    /// Draws, when something has changed and not too often.
    private func draw() async throws -> Bool {
        let renderer = TopRenderer(style: session.style)
        var frame = TopFrame()
        for await _ in drawing.rings {
            let (model, isNew) = state.withLock { state in
                defer { state.mustRedraw = false }
                return (state.model, state.mustRedraw)
            }
            if isNew { frame.forget() }
            let bytes = frame.update(renderer.lines(model), size: model.size)
            if !bytes.isEmpty { screen.write(bytes) }
            try await session.context.pause(Self.frame)
        }
        return false
    }

    /// Ages grow, though nothing happens.
    private func tick() async throws -> Bool {
        while true {
            try await session.context.pause(.seconds(1))
            tell(.tick)
        }
    }

    // The controller

    private func want(_ parts: Set<TopFleet.Part>) {
        state.withLock { $0.stale.formUnion(parts) }
        reading.ring()
    }

    /// Events as they happen; whenever a stream begins, everything is read.
    private func follow() async throws -> Bool {
        // What is said of lost streams goes to the screen's bar, not across it.
        var stream = EventStream(
            client: client, session: session,
            topics: ["jobs", "nodes", "roamers", "pods", "fleet", "telemetry", "progress"],
            after: nil)
        stream.changed = { [self] in tell(.heard($0)) }
        while true {
            do {
                try await stream.run {
                    tell(.heard(true))
                    want(Set(TopFleet.Part.allCases))
                } handle: { events in
                    let nodes = events.compactMap { NodeLive($0) }
                    let jobs = events.compactMap { JobProgress($0) }
                    if !nodes.isEmpty || !jobs.isEmpty { tell(.live(nodes, jobs)) }
                    let happened = events.compactMap {
                        try? JSONDecoder().decode(Event.self, from: Data($0.data.utf8))
                    }
                    let numbered = happened.filter { $0.seq != nil }
                    if !numbered.isEmpty { tell(.happened(numbered)) }
                }
            } catch let error as CommandError where error.isPassing {
                tell(.heard(false))
                try await session.context.pause(.seconds(2))
            }
        }
    }

    private func readPast() async -> Bool {
        if let past = try? await EventTail.read(client, last: Self.pastEvents) {
            tell(.past(past.map(\.model)))
        }
        return false
    }

    /// Reads what is known to have changed, with a pause that grows with the time that takes.
    private func read() async throws -> Bool {
        for await _ in reading.rings {
            let parts = state.withLock { state in
                defer { state.stale = [] }
                return state.stale
            }
            guard !parts.isEmpty else { continue }
            let start = ContinuousClock.now
            do {
                tell(.read(try await TopFleet.Reading.fetch(client, parts)))
            } catch let error as CommandError where error.status.isPassing {
                want(parts)
            }
            let took = ContinuousClock.now - start
            try await session.context.pause(max(.seconds(Self.rest), took * 2))
        }
        return false
    }

    // What keys want

    /// Does what the model wants; true when that is to end.
    private func obey() async -> Bool {
        await withDiscardingTaskGroup { group in
            var log: Bell?
            defer { group.cancelAll() }
            for await action in actions {
                switch action {
                case .quit: return true
                case .reread(let parts): want(parts)
                case .describe(let target):
                    ask(&group) { await self.describe(target) }
                case .cancel(let id):
                    ask(&group) { await self.cancel(id) }
                case .stopLog: log?.ring()
                case .followLog(let id):
                    log?.ring()
                    let stop = Bell()
                    log = stop
                    group.addTask { await self.followLog(id, until: stop) }
                }
            }
            return true
        }
    }

    /// Asks the controller, unless it has too much to answer already.
    private func ask(
        _ group: inout DiscardingTaskGroup, _ question: @escaping @Sendable () async -> Void
    ) {
        let isFree = state.withLock { state in
            guard state.asked < Self.askedMax else { return false }
            state.asked += 1
            return true
        }
        guard isFree else { return tell(.notice("the controller is slow; try again in a moment")) }
        group.addTask {
            await question()
            self.state.withLock { $0.asked -= 1 }
        }
    }

    private func describe(_ target: TopTarget) async {
        let purpose = "describe it"
        do {
            switch target {
            case .job(let id):
                let job = try await client.get(Job.self, Resource("jobs", id), purpose: purpose)
                tell(.described(target, .job(job.model, input: job.json["input"])))
            case .node(let name):
                let node = try await client.get(
                    Node.self, Resource("nodes", name), purpose: purpose)
                tell(.described(target, .node(node.model)))
            case .cluster(let name):
                let cluster = try await client.get(
                    Cluster.self, Resource("clusters", name), purpose: purpose)
                tell(.described(target, .cluster(cluster.model)))
            case .event: break
            }
        } catch let error as CommandError {
            tell(.described(target, .trouble(error.why ?? error.what)))
        } catch {}  // Cancelled: nobody looks any more.
    }

    private func cancel(_ id: String) async {
        do {
            let job = try await client.post(
                Job.self, Resource("jobs", id, "cancel"), nil, purpose: "cancel job \(id)")
            let isLate = job.model.cancelRequested == true && !job.model.isEnded
            let state = isLate ? "is being cancelled" : "is \(job.model.state ?? "unknown")"
            tell(.notice("job \(id) \(state)"))
            want([.jobs, .summary, .clusters])
        } catch let error as CommandError {
            tell(.notice([error.what, error.why].compactMap { $0 }.joined(separator: ": ")))
        } catch {}  // Cancelled itself.
    }

    private func followLog(_ id: String, until stop: Bell) async {
        var context = session.context
        context.console = PaneConsole(
            out: { [self] in tell(.log(id, text: $0)) },
            note: { [self] in tell(.logNote(id, text: $0)) })
        let pane = Session(context: context, global: session.global)
        let follower = LogFollower(session: pane, client: client)
        await withDiscardingTaskGroup { group in
            group.addTask {
                do {
                    let job = try await follower.follow(id)
                    self.tell(.logNote(id, text: "job \(job.model.state ?? "ended")"))
                } catch let error as CommandError {
                    self.tell(.logNote(id, text: error.why ?? error.what))
                } catch {}  // Cancelled: nobody looks any more.
                stop.ring()
            }
            for await _ in stop.rings { break }
            group.cancelAll()
        }
    }
}

/// A bell with one waiter: rung before it listens, or many times, it is heard once.
final class Bell: Sendable {
    /// Its rings.
    let rings: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (rings, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func ring() { continuation.yield() }
}

/// A console that is a part of the screen.
struct PaneConsole: Console {
    let out: @Sendable (String) -> Void
    let note: @Sendable (String) -> Void

    // A terminal's stdout is told nothing that could drive it; stderr's lines come one by one.
    var outIsTerminal: Bool { true }
    var errIsTerminal: Bool { false }
    var inIsTerminal: Bool { false }
    var size: (columns: Int, rows: Int)? { nil }
    func writeOut(_ data: Data) { out(String(decoding: data, as: UTF8.self)) }
    func writeErr(_ text: String) { note(text.trimmingCharacters(in: .newlines)) }
    func readIn(limit: Int) throws -> Data { Data() }
}
