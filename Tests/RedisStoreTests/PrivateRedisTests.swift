import Foundation
import Testing

@testable import RedisStore

@Suite(.timeLimit(.minutes(2))) struct PrivateRedisTests {
    @Test func `it keeps its promises about durability and privacy`() async throws {
        try await withRedis { fixture in
            for (name, value) in [
                ("appendonly", "yes"), ("appendfsync", "always"),
                ("no-appendfsync-on-rewrite", "no"),
                ("save", ""), ("maxmemory-policy", "noeviction"), ("aof-load-truncated", "yes"),
                ("port", "0"), ("unixsocketperm", "700"), ("daemonize", "no"),
            ] {
                let reply = try await fixture.read("CONFIG", "GET", name)
                #expect(reply.array?.last?.text == value, "\(name)")
            }
            let directory = fixture.redis.configuration.directory
            let mode = try FileManager.default.attributesOfItem(atPath: directory)[
                .posixPermissions]
            #expect((mode as? NSNumber)?.intValue == 0o700)
            let pidText = try String(
                contentsOfFile: fixture.redis.configuration.pidPath, encoding: .utf8)
            #expect(Int32(pidText.trimmingCharacters(in: .whitespacesAndNewlines)) == fixture.pid)
        }
    }

    @Test func `stopping it ends the server and keeps the data`() async throws {
        try await withDirectory { directory in
            let configuration = PrivateRedisConfiguration(directory: directory)
            var pid: Int32 = 0
            try await withRedis(in: configuration) { fixture in
                pid = try #require(fixture.pid)
                _ = try await fixture.read("SET", "kept", "yes")
            }
            #expect(pid > 1)
            #expect(await eventually { kill(pid, 0) != 0 })
            #expect(!FileManager.default.fileExists(atPath: configuration.socketPath))
            try await withRedis(in: configuration) { fixture in
                #expect(fixture.pid != pid)
                let kept = try await fixture.read("GET", "kept").text
                #expect(kept == "yes")
            }
        }
    }

    @Test func `a crashed server is started again`() async throws {
        try await withRedis { fixture in
            _ = try await fixture.read("SET", "kept", "yes")
            let first = try #require(fixture.pid)
            #expect(fixture.redis.lastCrash == nil)
            kill(first, SIGKILL)
            #expect(await eventually { fixture.pid.map { $0 != first } == true })
            #expect(
                await eventually {
                    (try? await fixture.read("GET", "kept").text) == "yes"
                })
            #expect(fixture.redis.lastError == nil)
            #expect(fixture.redis.lastCrash?.contains("ready to accept connections") == true)
        }
    }

    @Test func `a server left running is adopted`() async throws {
        try await withDirectory { directory in
            var configuration = PrivateRedisConfiguration(directory: directory)
            configuration.stopsServer = false
            var pid: Int32 = 0
            try await withRedis(in: configuration) { fixture in
                pid = try #require(fixture.pid)
                #expect(fixture.redis.phase == .running(pid: pid, adopted: false))
                _ = try await fixture.read("SET", "kept", "yes")
                _ = try await fixture.read("CONFIG", "SET", "appendfsync", "everysec")
            }
            #expect(kill(pid, 0) == 0)
            configuration.stopsServer = true
            try await withRedis(in: configuration) { fixture in
                #expect(fixture.redis.phase == .running(pid: pid, adopted: true))
                let kept = try await fixture.read("GET", "kept").text
                #expect(kept == "yes")
                // Whoever changed it meanwhile: it is durable again.
                #expect(
                    try await fixture.read("CONFIG", "GET", "appendfsync").array?.last?.text
                        == "always")
            }
            #expect(await eventually { kill(pid, 0) != 0 })
        }
    }

    /// Starts a server the way a supervisor does, from a parent that can be killed.
    private func startOrphan(_ configuration: PrivateRedisConfiguration) async throws -> Int32 {
        try PrivateRedisFiles.prepare(configuration)
        try PrivateRedisFiles.writeConfig(configuration)
        let script = "exec 9<>\"$1\"; flock -n 9; redis-server \"$2\" <&9 9<&- & exec 9<&-; wait"
        let parent = try TestProcess(
            "/bin/sh", ["-c", script, "sh", configuration.serverLockPath, configuration.configPath])
        let endpoint = RedisEndpoint(.unixSocket(path: configuration.socketPath))
        #expect(
            await eventually {
                guard let connection = try? await RedisConnection.open(endpoint) else {
                    return false
                }
                connection.close()
                return true
            })
        #expect(await parent.end(SIGKILL))
        let text = try String(contentsOfFile: configuration.pidPath, encoding: .utf8)
        return try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    @Test func `the server of a killed parent is adopted`() async throws {
        try await withDirectory { directory in
            let configuration = PrivateRedisConfiguration(directory: directory)
            let pid = try await startOrphan(configuration)
            #expect(kill(pid, 0) == 0)
            try await withRedis(in: configuration) { fixture in
                #expect(fixture.redis.phase == .running(pid: pid, adopted: true))
                // An adopted server that dies is replaced as well.
                kill(pid, SIGKILL)
                #expect(await eventually { fixture.pid.map { $0 != pid } == true })
            }
        }
    }

    @Test func `no second server is started beside one that hangs`() async throws {
        try await withDirectory { directory in
            let configuration = PrivateRedisConfiguration(directory: directory)
            let pid = try await startOrphan(configuration)
            kill(pid, SIGSTOP)
            defer { kill(pid, SIGCONT) }
            let redis = PrivateRedis(configuration: configuration)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await redis.run() }
                #expect(
                    await eventually {
                        redis.lastError?.contains("still there but does not answer") == true
                    })
                kill(pid, SIGCONT)
                try await redis.ready()
                #expect(redis.phase == .running(pid: pid, adopted: true))
                group.cancelAll()
                try await group.waitForAll()
            }
            #expect(await eventually { kill(pid, 0) != 0 })
        }
    }

    private func runError(_ configuration: PrivateRedisConfiguration) async -> RedisStoreError? {
        let redis = PrivateRedis(configuration: configuration)
        let error = await failure { () async throws(RedisStoreError) in try await redis.run() }
        if let error { #expect(redis.phase == .failed(error)) }
        let ready = await failure { () async throws(RedisStoreError) in try await redis.ready() }
        #expect(ready == error)
        return error
    }

    @Test func `a missing program is named`() async throws {
        try await withDirectory { directory in
            var configuration = PrivateRedisConfiguration(directory: directory)
            configuration.program = "redis-server-of-nowhere"
            let error = await runError(configuration)
            #expect(error?.code == .server)
            #expect(
                error?.message.hasPrefix("redis-server-of-nowhere was not found: install it")
                    == true)
        }
    }

    @Test func `a directory that cannot be used is named`() async throws {
        try await withDirectory { directory in
            try Data().write(to: URL(fileURLWithPath: directory))
            let error = await runError(PrivateRedisConfiguration(directory: directory + "/redis"))
            #expect(error?.code == .server)
            #expect(error?.message.hasPrefix("cannot use \(directory)/redis: ") == true)
        }
    }

    @Test func `a path that is too long for a socket is refused`() async throws {
        let long = "/tmp/jr-" + String(repeating: "x", count: 100)
        let error = await runError(PrivateRedisConfiguration(directory: long))
        #expect(error?.message.contains("too long for a unix socket") == true)
        #expect(!FileManager.default.fileExists(atPath: long))
    }

    @Test func `a second supervisor of the same directory is refused`() async throws {
        try await withRedis { fixture in
            let error = await runError(fixture.redis.configuration)
            #expect(error?.message.contains("another controller already runs") == true)
            let pong = try await fixture.read("PING").text
            #expect(pong == "PONG")
        }
    }

    @Test func `a server that ends at each start is given up with its last words`() async throws {
        try await withDirectory { directory in
            let configuration = PrivateRedisConfiguration(directory: directory)
            try PrivateRedisFiles.prepare(configuration)
            let data = directory + "/appendonlydir"
            try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
            try Data("nonsense\n".utf8).write(
                to: URL(fileURLWithPath: data + "/appendonly.aof.manifest"))
            let error = await runError(configuration)
            #expect(error?.code == .server)
            #expect(error?.message.contains("redis-server ended with status 1") == true)
            #expect(error?.message.contains("manifest") == true, "\(error?.message ?? "")")
        }
    }

    @Test func `another server on the socket is left alone`() async throws {
        try await withDirectory { directory in
            let configuration = PrivateRedisConfiguration(directory: directory)
            try PrivateRedisFiles.prepare(configuration)
            let other = try TestProcess(
                try configuration.locateProgram(),
                [
                    "--port", "0", "--unixsocket", configuration.socketPath, "--dir", "/", "--save",
                    "",
                ])
            let endpoint = RedisEndpoint(.unixSocket(path: configuration.socketPath))
            #expect(
                await eventually {
                    guard let connection = try? await RedisConnection.open(endpoint) else {
                        return false
                    }
                    connection.close()
                    return true
                })
            let error = await runError(configuration)
            #expect(error?.message.contains("another Redis answers") == true)
            #expect(RedisChild.reap(other.pid) == nil)
            #expect(await other.end(SIGTERM))
        }
    }

    @Test func `cancelling while it starts leaves nothing behind`() async throws {
        try await withDirectory { directory in
            let configuration = PrivateRedisConfiguration(directory: directory)
            let redis = PrivateRedis(configuration: configuration)
            let task = Task { try await redis.run() }
            #expect(
                await eventually { FileManager.default.fileExists(atPath: configuration.logPath) })
            task.cancel()
            try await task.value
            #expect(redis.phase == .stopped)
            let lock = try FileLock.take(configuration.serverLockPath)
            let free = lock != nil
            #expect(free)
        }
    }

    @Test func `the server inherits no descriptor and no blocked signal of ours`() async throws {
        try await withRedis { fixture in
            let pid = try #require(fixture.pid)
            let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            #expect(status.contains("SigBlk:\t0000000000000000"))
            let folder = "/proc/\(pid)/fd"
            let ours = try await fixture.read("INFO", "clients")
            #expect(ours.text?.contains("connected_clients:2") == true)
            let sockets = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)"))?
                    .hasPrefix("socket:") == true
            }
            // The listening socket, the supervisor's connection and this test's.
            #expect(sockets.count == 3)
        }
    }

    @Test func `odd characters in the path are quoted`() async throws {
        try await withDirectory { directory in
            let odd = directory + "/a \"b\" \\ é #"
            try await withRedis(in: PrivateRedisConfiguration(directory: odd)) { fixture in
                let place = try await fixture.read("CONFIG", "GET", "dir").array?.last?.text
                #expect(place == odd)
            }
        }
    }
}
