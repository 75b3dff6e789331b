import Foundation
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import RedisStore

/// A real private server in its own directory, running while the body runs.
struct RedisFixture: Sendable {
    let redis: PrivateRedis
    let client: RedisClient

    var store: FencedStore { FencedStore(client: client) }

    var pid: Int32? {
        if case .running(let pid, _) = redis.phase { pid } else { nil }
    }

    /// One word or number read from the server.
    func read(_ words: String...) async throws -> RedisValue {
        try #require(try await client.read([RedisCommand(words: words)]).first)
    }

    /// Bytes of memory that the server uses.
    func usedMemory() async throws -> Int {
        let info = try await read("INFO", "memory").text ?? ""
        let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("used_memory:") }
        return try #require(line.flatMap { Int($0.dropFirst("used_memory:".count)) })
    }
}

/// A short path that is gone afterwards: unix sockets allow 107 bytes.
func withDirectory(_ body: (String) async throws -> Void) async throws {
    let path = "/tmp/jr-\(UInt64.random(in: .min ... .max))"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(path)
}

func withRedis(
    timeout: Duration = .seconds(5), _ body: (RedisFixture) async throws -> Void
) async throws {
    try await withDirectory { directory in
        try await withRedis(
            in: PrivateRedisConfiguration(directory: directory), timeout: timeout, body)
    }
}

/// Runs a server of a configuration; when this returns its supervisor has ended.
func withRedis(
    in configuration: PrivateRedisConfiguration, timeout: Duration = .seconds(5),
    _ body: (RedisFixture) async throws -> Void
) async throws {
    let redis = PrivateRedis(configuration: configuration)
    var settings = RedisConfiguration()
    settings.commandTimeout = timeout
    settings.connectTimeout = min(timeout, settings.connectTimeout)
    let client = RedisClient(endpoint: redis.endpoint, configuration: settings)
    defer { client.close() }
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await redis.run() }
        do {
            try await redis.ready(timeout: .seconds(120))
            try await body(RedisFixture(redis: redis, client: client))
        } catch {
            group.cancelAll()
            try? await group.waitForAll()
            throw error
        }
        group.cancelAll()
        try await group.waitForAll()
    }
}

/// The error of a call; nil when it throws none.
func failure(_ body: () async throws(RedisStoreError) -> Void) async -> RedisStoreError? {
    do {
        try await body()
        return nil
    } catch {
        return error
    }
}

/// Waits for a condition that another process or task brings about; false after the deadline.
func eventually(
    within limit: Duration = .seconds(20), _ condition: () async -> Bool
) async -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if await condition() { return true }
        await Task.yield()
        try? await Task.sleep(for: .milliseconds(2))
    }
    return false
}

/// A process of a test, without input and output.
struct TestProcess {
    let pid: pid_t

    init(_ program: String, _ words: [String]) throws {
        let null = try #require(FileHandle(forUpdatingAtPath: "/dev/null"))
        var pid: pid_t = 0
        let code = RedisChild.start(
            program, [program] + words, input: null.fileDescriptor, output: null.fileDescriptor,
            &pid)
        try #require(code == 0)
        self.pid = pid
    }

    /// Ends it and waits for its end; false when it does not end.
    func end(_ signal: Int32) async -> Bool {
        kill(pid, signal)
        return await eventually { RedisChild.reap(pid) != nil }
    }
}

/// Random numbers that are the same in each run.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
