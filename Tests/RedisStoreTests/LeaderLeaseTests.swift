import Testing

@testable import RedisStore

@Suite(.timeLimit(.minutes(1))) struct LeaderLeaseTests {
    @Test func `one holder at a time, and only the holder renews and releases`() async throws {
        try await withRedis { fixture in
            let one = try LeaderLease(client: fixture.client, owner: "one")
            let two = try LeaderLease(client: fixture.client, owner: "two")
            let before = ContinuousClock.now
            guard case .held(let until) = try await one.acquire() else {
                Issue.record("the lease was free")
                return
            }
            #expect(until >= before + .seconds(15))
            #expect(until <= ContinuousClock.now + .seconds(15))
            // A repeat after an unknown outcome is a renewal.
            #expect(try await one.acquire().isHeld)
            guard case .heldBy("one", let remaining) = try await two.acquire() else {
                Issue.record("the lease was taken twice")
                return
            }
            #expect(remaining > .seconds(10) && remaining <= .seconds(15))
            #expect(try await !two.renew().isHeld)
            #expect(try await !two.release())
            #expect(try await one.renew().isHeld)
            #expect(try await one.release())
            #expect(try await !one.renew().isHeld)
            #expect(try await two.acquire().isHeld)
        }
    }

    @Test func `a lease that is not renewed passes on`() async throws {
        try await withRedis { fixture in
            let one = try LeaderLease(
                client: fixture.client, owner: "one", duration: .seconds(1))
            let two = try LeaderLease(client: fixture.client, owner: "two")
            guard case .held(let until) = try await one.acquire() else {
                Issue.record("the lease was free")
                return
            }
            #expect(await eventually { (try? await two.acquire().isHeld) == true })
            // The holder's own clock ends the lease before Redis gives it away.
            #expect(ContinuousClock.now >= until)
            #expect(try await !one.renew().isHeld)
        }
    }

    @Test func `an owner needs a name`() async throws {
        let client = RedisClient(endpoint: RedisEndpoint(.unixSocket(path: "/tmp/jr-none.sock")))
        #expect(throws: RedisStoreError.self) { try LeaderLease(client: client, owner: "") }
        client.close()
    }
}
