import Foundation
import Testing

@testable import RedisStore

/// The server is killed or stopped in the middle of commits.
@Suite(.timeLimit(.minutes(3))) struct FaultTests {
    private let keys = KeySpace.standard

    /// How the server is killed while a batch is committed.
    private enum Blow {
        case none
        /// After a time, at whatever it is doing.
        case after(Duration)
        /// Stopped first, so that it takes the batch in but never runs it.
        case stopped
    }

    @Test func `kill -9 loses nothing acknowledged and doubles nothing repeated`() async throws {
        try await withDirectory { directory in
            var configuration = PrivateRedisConfiguration(directory: directory)
            configuration.minimumBackoff = .milliseconds(1)
            configuration.maximumBackoff = .milliseconds(20)
            try await withRedis(in: configuration) { fixture in
                try await killing(fixture, batches: 200)
            }
        }
    }

    private func killing(_ fixture: RedisFixture, batches: Int) async throws {
        let store = fixture.store
        let term = try await store.bumpTerm(owner: "a", version: "1")
        var random = Seeded(7)
        var unknown = 0
        var total: Int64 = 0
        var large = Duration.milliseconds(50)
        for number in 0..<batches {
            var batch = FencedBatch()
            batch.set(keys.key("b:\(number)"), "\(number)")
            let commands = number % 10 == 5 ? 5_000 : 20
            for _ in 0..<commands { batch.append(RedisCommand("INCR", .text(keys.key("n")))) }
            total += Int64(commands)
            let blow: Blow =
                switch number % 20 {
                case 5: .after(large * Double.random(in: 0...1, using: &random))
                case 15: .stopped
                default: .none
                }
            let start = ContinuousClock.now
            unknown += try await commit(store.seal(batch, term: term), store, fixture, blow)
            if number == 5 { large = ContinuousClock.now - start }
        }
        print("kill -9: \(unknown) of \(batches) commits had an unknown outcome")
        #expect(unknown > 0)
        #expect(try await fixture.read("GET", keys.key("n")).integer == total)
        let values = try await fixture.client.read(
            (0..<batches).map { RedisCommand("GET", .text(keys.key("b:\($0)"))) })
        #expect(values.map(\.text) == (0..<batches).map { "\($0)" })
    }

    /// Commits until it is acknowledged, with a blow during the first try; returns the unknown
    /// outcomes.
    private func commit(
        _ batch: SealedBatch, _ store: FencedStore, _ fixture: RedisFixture, _ blow: Blow
    ) async throws -> Int {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let pid = try #require(fixture.pid)
            switch blow {
            case .none: break
            case .after(let time):
                group.addTask {
                    try await Task.sleep(for: time)
                    kill(pid, SIGKILL)
                }
            case .stopped:
                kill(pid, SIGSTOP)
                group.addTask {
                    try await Task.sleep(for: .milliseconds(60))
                    kill(pid, SIGKILL)
                }
            }
            var unknown = 0
            let end = ContinuousClock.now + .seconds(20)
            while true {
                let error = await failure { () async throws(RedisStoreError) in
                    try await store.commit(batch)
                }
                guard let error else { break }
                guard case .unavailable = error.code, ContinuousClock.now < end else { throw error }
                if error.outcomeUnknown { unknown += 1 }
            }
            try await group.waitForAll()
            if case .none = blow { return unknown }
            // The next blow is for the server that comes now.
            #expect(await eventually { fixture.pid.map { $0 != pid } == true })
            return unknown
        }
    }

    @Test func `a stopped server is a timeout within the bound, and is used again`() async throws {
        try await withRedis(timeout: .milliseconds(300)) { fixture in
            let store = fixture.store
            let term = try await store.bumpTerm(owner: "a", version: "1")
            var batch = FencedBatch()
            batch.append(RedisCommand("INCR", .text(keys.key("n"))))
            try await store.commit(batch, term: term)
            #expect(fixture.client.isHealthy)
            let pid = try #require(fixture.pid)
            kill(pid, SIGSTOP)
            defer { kill(pid, SIGCONT) }

            let sealed = try store.seal(batch, term: term)
            let start = ContinuousClock.now
            let error = await failure { () async throws(RedisStoreError) in
                try await store.commit(sealed)
            }
            #expect(error?.code == .unavailable(outcomeUnknown: true))
            #expect(ContinuousClock.now - start < .seconds(3))
            #expect(!fixture.client.isHealthy)
            #expect(fixture.client.health.lastError?.contains("no answer within 0.3 s") == true)
            // While it is stopped it accepts connections but greets nobody: certainly nothing ran.
            let second = await failure { () async throws(RedisStoreError) in
                try await store.commit(sealed)
            }
            #expect(second?.code == .unavailable(outcomeUnknown: false))

            kill(pid, SIGCONT)
            let recovered = await eventually {
                await failure { () async throws(RedisStoreError) in try await store.commit(sealed) }
                    == nil
            }
            #expect(recovered)
            // The first copy lay in the server's buffers and ran too, or was refused: one count
            // either way.
            #expect(try await fixture.read("GET", keys.key("n")).integer == 2)
            #expect(fixture.client.isHealthy)
            #expect(fixture.client.health.lastError == nil)
            #expect(fixture.pid == pid)
        }
    }

    @Test func `a cancelled caller does not bring the connection out of step`() async throws {
        try await withRedis { fixture in
            let connection = try await RedisConnection.open(fixture.redis.endpoint)
            async let first = connection.send([RedisCommand("ECHO", "1")])
            async let second = connection.send([RedisCommand("ECHO", "2")])
            let task = Task { try await connection.send([RedisCommand("ECHO", "3")]) }
            task.cancel()
            _ = await task.result
            #expect(try await first == [.string(Array("1".utf8))])
            #expect(try await second == [.string(Array("2".utf8))])
            #expect(
                try await connection.send([RedisCommand("ECHO", "4")]) == [.string(Array("4".utf8))]
            )
            connection.close()
        }
    }

    @Test func `a half-written log is loaded without its broken tail`() async throws {
        try await withDirectory { directory in
            let configuration = PrivateRedisConfiguration(directory: directory)
            try await withRedis(in: configuration) { fixture in
                let store = fixture.store
                let term = try await store.bumpTerm(owner: "a", version: "1")
                var batch = FencedBatch()
                batch.set(keys.key("a"), "1")
                try await store.commit(batch, term: term)
            }
            let folder = directory + "/appendonlydir"
            let name = try #require(
                try FileManager.default.contentsOfDirectory(atPath: folder).first {
                    $0.hasSuffix(".incr.aof")
                })
            let log = try #require(FileHandle(forUpdatingAtPath: "\(folder)/\(name)"))
            try log.seekToEnd()
            try log.write(
                contentsOf: Data("*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$16\r\njess".utf8))
            try log.close()
            try await withRedis(in: configuration) { fixture in
                let term = try await fixture.store.bumpTerm(owner: "a", version: "1")
                #expect(term == 2)
                #expect(try await fixture.read("GET", keys.key("a")).text == "1")
            }
        }
    }
}
