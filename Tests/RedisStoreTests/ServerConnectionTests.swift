import Testing

@testable import RedisStore

/// Connections and clients against a real server.
@Suite(.timeLimit(.minutes(2))) struct ServerConnectionTests {
    @Test func `pipelines of many callers come back in order`() async throws {
        try await withRedis { fixture in
            let connection = try await RedisConnection.open(fixture.redis.endpoint)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<50 {
                    group.addTask {
                        let commands = (0..<40).map { RedisCommand("ECHO", "\(caller)-\($0)") }
                        let replies = try await connection.send(commands)
                        #expect(replies.map(\.text) == (0..<40).map { "\(caller)-\($0)" })
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await connection.send([]).isEmpty)
            connection.close()
        }
    }

    @Test func `an error of one command is a value and the rest goes on`() async throws {
        try await withRedis { fixture in
            let replies = try await fixture.client.send(
                [
                    RedisCommand("SET", "k", "text"), RedisCommand("LPUSH", "k", "x"),
                    RedisCommand("GET", "k"),
                ], lane: .commits)
            #expect(replies[1].errorMessage?.hasPrefix("WRONGTYPE") == true)
            #expect(replies[2].text == "text")
            #expect(fixture.client.isHealthy)
        }
    }

    @Test func `user, password and database are used, and wrong ones are refused`() async throws {
        try await withRedis { fixture in
            let made = try await fixture.client.send(
                [RedisCommand(words: ["ACL", "SETUSER", "ann", "on", ">s3cret", "~*", "+@all"])],
                lane: .commits)
            #expect(made == [.status("OK")])
            let address = fixture.redis.endpoint.address
            let good = try await RedisConnection.open(
                RedisEndpoint(address, user: "ann", password: "s3cret", database: 3))
            #expect(try await good.send([RedisCommand(words: ["ACL", "WHOAMI"])])[0].text == "ann")
            #expect(
                try await good.send([RedisCommand(words: ["CLIENT", "INFO"])])[0].text?.contains(
                    " db=3 ")
                    == true)
            good.close()

            let wrong = await failure { () async throws(RedisStoreError) in
                _ = try await RedisConnection.open(
                    RedisEndpoint(address, user: "ann", password: "guess"))
            }
            #expect(wrong?.code == .authentication)
            #expect(wrong?.message.contains("WRONGPASS") == true)
            #expect(wrong?.message.contains("guess") == false)

            let database = await failure { () async throws(RedisStoreError) in
                _ = try await RedisConnection.open(RedisEndpoint(address, database: 999))
            }
            #expect(database?.code == .authentication)
            #expect(database?.message.contains("SELECT") == true)
        }
    }

    @Test func `a missing password is an authentication error`() async throws {
        try await withRedis { fixture in
            _ = try await fixture.client.send(
                [RedisCommand(words: ["CONFIG", "SET", "requirepass", "s3cret"])], lane: .commits)
            let error = await failure { () async throws(RedisStoreError) in
                _ = try await RedisConnection.open(fixture.redis.endpoint)
            }
            #expect(error?.code == .authentication)
            #expect(error?.message.contains("NOAUTH") == true)
            _ = try await fixture.client.send(
                [RedisCommand(words: ["CONFIG", "SET", "requirepass", ""])], lane: .commits)
        }
    }

    @Test func `a blocked read does not hold up a commit`() async throws {
        try await withRedis { fixture in
            let store = fixture.store
            let term = try await store.bumpTerm(owner: "a", version: "1")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // Waits inside Redis until the commit below has pushed.
                    let reply = try await fixture.client.read([
                        RedisCommand("BLPOP", "list", 10)
                    ])
                    #expect(reply.first?.array?.last?.text == "x")
                }
                #expect(
                    await eventually {
                        let info = try? await fixture.client.send(
                            [RedisCommand("INFO", "clients")], lane: .commits)
                        return info?.first?.text?.contains("blocked_clients:1") == true
                    })
                var batch = FencedBatch()
                batch.lpush("list", "x", keeping: 10)
                try await store.commit(batch, term: term)
                try await group.waitForAll()
            }
        }
    }
}
