import Testing

@testable import RedisStore

@Suite(.timeLimit(.minutes(2))) struct FencedStoreTests {
    private let keys = KeySpace.standard

    @Test func `keys carry prefix and shard`() throws {
        #expect(KeySpace.standard.key("jobs") == "jessica:{0}:jobs")
        #expect(try KeySpace(prefix: "lab.2", shard: 7).meta == "lab.2:{7}:meta")
        for prefix in ["", "a b", "a{b", "a\nb", String(repeating: "x", count: 65)] {
            #expect(throws: RedisStoreError.self) { try KeySpace(prefix: prefix) }
        }
    }

    @Test func `terms rise and name their owner`() async throws {
        try await withRedis { fixture in
            let store = fixture.store
            let none = try await store.currentTerm()
            #expect(none == nil)
            #expect(try await store.bumpTerm(owner: "spark-a", version: "1.2") == 1)
            #expect(try await store.bumpTerm(owner: "spark-b", version: "1.3") == 2)
            #expect(
                try await store.currentTerm()
                    == TermRecord(term: 2, owner: "spark-b", version: "1.3"))
        }
    }

    @Test func `the same claim gets the same term`() async throws {
        try await withRedis { fixture in
            let bump = RedisCommand(
                "EVAL", .text(FencedScript.bumpTerm), 1, .text(keys.meta), "me", "1", "claim")
            let replies = try await fixture.client.send([bump, bump, bump], lane: .commits)
            #expect(replies.map(\.text) == ["1", "1", "1"])
        }
    }

    @Test func `an old term writes nothing`() async throws {
        try await withRedis { fixture in
            let old = fixture.store
            let new = FencedStore(client: RedisClient(endpoint: fixture.redis.endpoint))
            let first = try await old.bumpTerm(owner: "old", version: "1")
            var batch = FencedBatch()
            batch.set(keys.key("a"), "1")
            try await old.commit(batch, term: first)
            let second = try await new.bumpTerm(owner: "new", version: "1")

            var late = FencedBatch()
            for index in 0..<5_000 { late.set(keys.key("late-\(index)"), "x") }
            late.del([keys.key("a")])
            let error = await failure { () async throws(RedisStoreError) in
                try await old.commit(late, term: first)
            }
            #expect(error?.code == .fenced)
            #expect(error?.message.contains("current term is 2") == true)
            // Only the first value and the meta record.
            #expect(try await fixture.read("DBSIZE").integer == 2)
            #expect(try await fixture.read("GET", keys.key("a")).text == "1")

            // A term that does not exist yet is refused as well, and an empty batch only asks.
            let future = await failure { () async throws(RedisStoreError) in
                try await new.commit(FencedBatch(), term: second + 1)
            }
            #expect(future?.code == .fenced)
            try await new.commit(FencedBatch(), term: second)
            new.client.close()
        }
    }

    @Test func `nothing can be committed before the first term`() async throws {
        try await withRedis { fixture in
            let error = await failure { () async throws(RedisStoreError) in
                try await fixture.store.commit(FencedBatch(), term: 0)
            }
            #expect(error?.code == .fenced)
            let size = try await fixture.read("DBSIZE").integer
            #expect(size == 0)
        }
    }

    /// One batch with every builder.
    private func everything() -> FencedBatch {
        var batch = FencedBatch()
        batch.hset(
            keys.key("h"), [("state", "queued"), ("n", 7), ("raw", .bytes([0, 255, 13, 10]))])
        batch.hdel(keys.key("h"), ["n", "none"])
        batch.hset(keys.key("gone"), [("a", "b")])
        batch.del([keys.key("gone"), keys.key("never")])
        batch.zadd(keys.key("z"), [("m1", 1.5), ("m2", -1e15), ("m3", 3)])
        batch.zrem(keys.key("z"), ["m3"])
        batch.sadd(keys.key("s"), ["x", "y"])
        batch.srem(keys.key("s"), ["y"])
        batch.set(keys.key("v"), .unsigned(.max))
        batch.set(keys.key("p"), "soon", expiry: .seconds(1_000))
        batch.xadd(keys.key("e"), id: "5-1", keepingAbout: 1_000, [("type", "job.state")])
        batch.xadd(
            keys.key("e"), id: "5-2", keepingAbout: 1_000, [("type", "job.state"), ("to", "")])
        return batch
    }

    private func dump(_ fixture: RedisFixture) async throws -> [RedisValue] {
        try await fixture.client.read([
            RedisCommand("HGETALL", .text(keys.key("h"))),
            RedisCommand("ZRANGE", .text(keys.key("z")), 0, -1, "WITHSCORES"),
            RedisCommand("SMEMBERS", .text(keys.key("s"))),
            RedisCommand("GET", .text(keys.key("v"))), RedisCommand("GET", .text(keys.key("p"))),
            RedisCommand("XRANGE", .text(keys.key("e")), "-", "+"),
            RedisCommand("LRANGE", .text(keys.key("l")), 0, -1), RedisCommand("DBSIZE"),
        ])
    }

    @Test func `a batch does what it says, and a repeat changes nothing`() async throws {
        try await withRedis { fixture in
            let store = fixture.store
            let term = try await store.bumpTerm(owner: "a", version: "1")
            try await store.commit(everything(), term: term)
            let once = try await dump(fixture)
            let text = { (value: RedisValue) in value.array?.map { $0.text ?? "" } }
            #expect(once[0].array?.count == 4)
            #expect(once[0].array?.contains(.string([0, 255, 13, 10])) == true)
            #expect(text(once[1]) == ["m2", "-1000000000000000", "m1", "1.5"])
            #expect(text(once[2]) == ["x"])
            #expect(once[3].text == "18446744073709551615")
            #expect(once[4].text == "soon")
            #expect(once[5].array?.count == 2)
            let left = try #require(try await fixture.read("PTTL", keys.key("p")).integer)
            #expect((900_000...1_000_000).contains(left))

            try await store.commit(everything(), term: term)
            #expect(try await dump(fixture) == once)
            // Also in the next term, as after a restart.
            let next = try await store.bumpTerm(owner: "a", version: "1")
            try await store.commit(everything(), term: next)
            #expect(try await dump(fixture) == once)
        }
    }

    @Test func `a sealed batch counts once however often it is sent`() async throws {
        try await withRedis { fixture in
            let store = fixture.store
            let term = try await store.bumpTerm(owner: "a", version: "1")
            var batch = FencedBatch()
            for index in 0..<4_500 {
                batch.append(RedisCommand("INCR", .text(keys.key("\(index % 3)"))))
            }
            for index in 0..<8 { batch.lpush(keys.key("l"), .integer(Int64(index)), keeping: 5) }
            let sealed = try store.seal(batch, term: term)
            #expect(sealed.chunks.count == 3)
            for _ in 0..<3 { try await store.commit(sealed) }
            #expect(try await fixture.read("GET", keys.key("0")).integer == 1_500)
            let list = try await fixture.read("LRANGE", keys.key("l"), "0", "-1")
            #expect(list.array?.map { $0.text } == ["7", "6", "5", "4", "3"])
        }
    }

    @Test func `a copy that arrives after a later batch is refused`() async throws {
        try await withRedis { fixture in
            let store = fixture.store
            let term = try await store.bumpTerm(owner: "a", version: "1")
            var batch = FencedBatch()
            batch.set(keys.key("a"), "old")
            let old = try store.seal(batch, term: term)
            try await store.commit(old)
            batch = FencedBatch()
            batch.set(keys.key("a"), "new")
            try await store.commit(batch, term: term)
            let error = await failure { () async throws(RedisStoreError) in
                try await store.commit(old)
            }
            #expect(error?.code == .superseded)
            #expect(try await fixture.read("GET", keys.key("a")).text == "new")
        }
    }

    @Test func `a refused command stops the batch where it is`() async throws {
        try await withRedis { fixture in
            let store = fixture.store
            let term = try await store.bumpTerm(owner: "a", version: "1")
            var batch = FencedBatch()
            batch.set(keys.key("text"), "t")
            batch.sadd(keys.key("text"), ["m"])
            batch.set(keys.key("after"), "t")
            for index in 0..<3_000 { batch.set(keys.key("later-\(index)"), "t") }
            let error = await failure { () async throws(RedisStoreError) in
                try await store.commit(batch, term: term)
            }
            #expect(error?.code == .rejected)
            #expect(error?.message.contains("command 1 of chunk 0: WRONGTYPE") == true)
            // The value before it and meta; nothing of this chunk after it, nothing of the next.
            #expect(try await fixture.read("DBSIZE").integer == 2)
            // The store goes on.
            var next = FencedBatch()
            next.set(keys.key("next"), "t")
            try await store.commit(next, term: term)
            #expect(fixture.client.isHealthy)
        }
    }

    @Test(arguments: ["0-0", "text"])
    func `an entry with a wrong id is refused, not skipped`(id: String) async throws {
        try await withRedis { fixture in
            let store = fixture.store
            let term = try await store.bumpTerm(owner: "a", version: "1")
            var batch = FencedBatch()
            batch.xadd(keys.key("e"), id: id, keepingAbout: 10, [("a", "b")])
            let error = await failure { () async throws(RedisStoreError) in
                try await store.commit(batch, term: term)
            }
            #expect(error?.code == .rejected)
        }
    }

    @Test func `a full Redis is not available, and nothing ran`() async throws {
        try await withRedis { fixture in
            let store = fixture.store
            let term = try await store.bumpTerm(owner: "a", version: "1")
            try await store.commit(FencedBatch(), term: term)
            _ = try await fixture.read("CONFIG", "SET", "maxmemory", "1")
            var batch = FencedBatch()
            batch.set(keys.key("a"), "1")
            let error = await failure { () async throws(RedisStoreError) in
                try await store.commit(batch, term: term)
            }
            #expect(error?.code == .unavailable(outcomeUnknown: false))
            #expect(error?.message.contains("OOM") == true)
            _ = try await fixture.read("CONFIG", "SET", "maxmemory", "0")
            try await store.commit(batch, term: term)
            #expect(try await fixture.read("GET", keys.key("a")).text == "1")
        }
    }

    @Test func `the script is loaded again when Redis has forgotten it`() async throws {
        try await withRedis { fixture in
            let store = fixture.store
            let term = try await store.bumpTerm(owner: "a", version: "1")
            var batch = FencedBatch()
            for _ in 0..<5_000 { batch.append(RedisCommand("INCR", .text(keys.key("n")))) }
            try await store.commit(batch, term: term)
            #expect(try await fixture.read("SCRIPT", "FLUSH").text == "OK")
            try await store.commit(batch, term: term)
            #expect(try await fixture.read("GET", keys.key("n")).integer == 10_000)
        }
    }

    @Test func `ten thousand commands go in as one`() async throws {
        try await withRedis { fixture in
            let store = fixture.store
            let term = try await store.bumpTerm(owner: "a", version: "1")
            try await store.commit(FencedBatch(), term: term)
            var batch = FencedBatch()
            for index in 0..<10_000 {
                batch.hset(
                    keys.key("j:\(index)"),
                    [("state", "queued"), ("kind", "image"), ("at", .integer(Int64(index)))])
            }
            #expect(batch.count == 10_000)
            try await store.commit(batch, term: term)
            #expect(try await fixture.read("DBSIZE").integer == 10_001)
        }
    }

    @Test func `long lists of members are split`() async throws {
        try await withRedis { fixture in
            let store = fixture.store
            let term = try await store.bumpTerm(owner: "a", version: "1")
            var batch = FencedBatch()
            let names = (0..<20_500).map { "m\($0)" }
            batch.sadd(keys.key("s"), names)
            #expect(batch.count == 21)
            batch.zadd(keys.key("z"), names.map { ($0, 1) })
            batch.hset(keys.key("h"), names.map { ($0, "v") })
            batch.sadd(keys.key("none"), [])
            // The longest command that is allowed at all.
            batch.append(
                RedisCommand("SADD", [.text(keys.key("t"))] + names.prefix(3_998).map { .text($0) })
            )
            try await store.commit(batch, term: term)
            #expect(try await fixture.read("SCARD", keys.key("s")).integer == 20_500)
            #expect(try await fixture.read("SCARD", keys.key("t")).integer == 3_998)
            #expect(try await fixture.read("ZCARD", keys.key("z")).integer == 20_500)
            #expect(try await fixture.read("HLEN", keys.key("h")).integer == 20_500)
        }
    }
}
