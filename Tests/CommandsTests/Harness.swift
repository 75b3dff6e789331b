import Foundation
import Synchronization
import Testing

@testable import Commands

/// A console that records, and pretends to be a terminal if asked to.
final class RecordingConsole: Console {
    let inIsTerminal: Bool
    let outIsTerminal: Bool
    let errIsTerminal: Bool
    let size: (columns: Int, rows: Int)?
    let input: Data
    private let written = Mutex((out: Data(), err: ""))
    /// Hears what is written to stderr.
    private let onErr: @Sendable (String) -> Void

    init(
        terminal: Bool = false, size: (Int, Int)? = nil, input: String = "",
        onErr: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.onErr = onErr
        inIsTerminal = terminal
        outIsTerminal = terminal
        errIsTerminal = terminal
        self.size = size ?? (terminal ? (80, 24) : nil)
        self.input = Data(input.utf8)
    }

    var out: String { written.withLock { String(decoding: $0.out, as: UTF8.self) } }
    var err: String { written.withLock { $0.err } }
    func writeOut(_ data: Data) { written.withLock { $0.out += data } }
    func writeErr(_ text: String) {
        written.withLock { $0.err += text }
        onErr(text)
    }
    func readIn(limit: Int) throws -> Data { input }
}

/// A clock that moves only when a command pauses.
final class FakeTime: Sendable {
    static let noon = Timestamp("2026-11-23T12:00:00.000Z").date ?? .distantPast
    private let offset = Mutex(0.0)

    var now: Date { Self.noon.addingTimeInterval(offset.withLock { $0 }) }

    func pause(_ duration: Duration) async throws {
        let (seconds, attoseconds) = duration.components
        offset.withLock { $0 += Double(seconds) + Double(attoseconds) / 1e18 }
        try Task.checkCancellation()
        await Task.yield()
    }
}

/// What one run of jctl did.
struct Ran {
    var code: Int32
    var out: String
    var err: String
    var lines: [String] { out.split(separator: "\n").map(String.init) }
}

/// Runs jctl in this process.
func jctl(
    _ arguments: [String], at socket: String? = nil, environment: [String: String] = [:],
    console: RecordingConsole = RecordingConsole(), interrupts: AsyncStream<Void>? = nil
) async -> Ran {
    let time = FakeTime()
    var variables = ["HOME": "/nonexistent"]
    if let socket { variables["JCTL_ENDPOINT"] = socket }
    variables.merge(environment) { $1 }
    let context = Context(
        console: console, environment: variables, now: { time.now },
        pause: { try await time.pause($0) },
        interrupts: { interrupts ?? AsyncStream { _ in } })
    let code = await Runner.run(arguments, in: context)
    return Ran(code: code, out: console.out, err: console.err)
}

/// Runs jctl against a stub that answers by route; other routes are 404, but for a stream of events: after
/// each look at a job or a plan it says that something has happened.
func jctl(
    _ arguments: [String], environment: [String: String] = [:],
    console: RecordingConsole = RecordingConsole(),
    routes: [String: @Sendable (StubRequest) async -> StubAnswer],
    check: @Sendable (Ran, Stub) async throws -> Void
) async throws {
    let (looks, looked) = AsyncStream<Void>.makeStream()
    try await Stub.serve { request in
        guard let route = routes[request.route] else {
            guard request.route == "GET /stream" else {
                return .error(404, "not_found", "no \(request.route)")
            }
            return .stream(type: "text/event-stream") { write in
                try await write(": welcome\n\n")
                for await _ in looks { try await write("event: job.state\ndata: {}\n\n") }
            }
        }
        defer {
            if request.route.hasPrefix("GET /jobs/") || request.route.hasPrefix("GET /plans/") {
                looked.yield()
            }
        }
        return await route(request)
    } _: { stub in
        let ran = await jctl(
            arguments, at: stub.socket, environment: environment, console: console)
        try await check(ran, stub)
    }
}

/// A fresh folder, removed afterwards.
func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = "/tmp/jctl-test-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

func contents(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
}

/// Counts calls, for answers that change from one to the next.
final class Counter: Sendable {
    private let count = Mutex(0)
    var now: Int { count.withLock { $0 } }
    func next() -> Int {
        count.withLock {
            $0 += 1; return $0
        }
    }
}
