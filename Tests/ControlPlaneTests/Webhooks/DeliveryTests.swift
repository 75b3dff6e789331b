import FleetCore
import Foundation
import HTTPTypes
import Hummingbird
import OrderedCollections
import Synchronization
import Testing

@testable import ControlPlane
@testable import RedisStore

@Suite("Deliveries to webhooks", .serialized)
struct DeliveryTests {
    private static func create(
        _ plane: Plane, _ url: String, name: String = "hooks", _ topics: String = #"["jobs"]"#
    ) async throws -> String {
        let (status, made) = try await plane.call(
            .post, "/api/v1/webhooks", #"{"name":"\#(name)","url":"\#(url)","topics":\#(topics)}"#)
        #expect(status == .created, "\(made)")
        return Plane.text(made["secret"]) ?? ""
    }

    private static func submit(_ plane: Plane, _ count: Int) async {
        for _ in 0..<count {
            _ = await plane.submit(plane.api.mint.mint(at: plane.loop.clock.now))
        }
    }

    /// Waits until what is stored of a webhook is as wanted.
    private static func stored(
        _ plane: Plane, _ name: WebhookName = "hooks",
        _ isWanted: @escaping @Sendable (WebhookRecord) -> Bool
    ) async throws {
        // Progress is no event; it is stored each second.
        while true {
            let record = await plane.loop.read { controller, _ in controller.webhooks[name] }
            if let record, isWanted(record) { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    @Test("Every event comes in order, signed, and with one id however often it is tried")
    func order() async throws {
        try await Receiver.serve { receiver in
            let failures = Mutex<[String: Int]>([:])
            receiver.answers { one in
                // Each third event is refused at first.
                let count = failures.withLock { failures in
                    failures[one.id, default: 0] += 1
                    return failures[one.id] ?? 0
                }
                let isBad = (one.sequence ?? 0) % 3 == 0 && count <= 1
                return Response(status: isBad ? .serviceUnavailable : .ok)
            }
            try await Plane.with { plane, _ in
                let secret = try await Self.create(plane, receiver.url)
                await Self.submit(plane, 6)
                let wanted = plane.feed.all.filter { $0.kind == .job }.map { Int($0.sequence) }
                #expect(wanted.count >= 6)
                var taken: [Int] = []
                var ids: [Int: Set<String>] = [:]
                for await one in receiver.tries {
                    let sequence = try #require(one.sequence)
                    #expect(one.isSigned(with: secret))
                    #expect(one.type == "job.state")
                    #expect(abs(Double(one.timestamp) - Date().timeIntervalSince1970) < 60)
                    ids[sequence, default: []].insert(one.id)
                    if taken.last != sequence { taken.append(sequence) }
                    if sequence == wanted.last, sequence % 3 != 0 || ids.count == wanted.count {
                        break
                    }
                }
                #expect(taken == wanted, "in order, and none left out")
                #expect(ids.values.allSatisfy { $0.count == 1 })
                let last = UInt64(wanted.last ?? 0)
                try await Self.stored(plane) { $0.through >= last && $0.failingSince == nil }
            }
        }
    }

    @Test("The next controller goes on where this one was")
    func restart() async throws {
        let directory = NSTemporaryDirectory() + "jessica-hooks-\(UInt32.random(in: .min ... .max))"
        try await Receiver.serve { receiver in
            let wanted = Mutex<[Int]>([])
            try await Plane.with(directory: directory) { plane, _ in
                _ = try await Self.create(plane, receiver.url)
                await Self.submit(plane, 3)
                let before = plane.feed.all.filter { $0.kind == .job }.map { Int($0.sequence) }
                var tries = receiver.tries.makeAsyncIterator()
                for sequence in before {
                    let one = await tries.next()
                    #expect(one?.sequence == sequence)
                }
                let last = UInt64(before.last ?? 0)
                try await Self.stored(plane) { $0.through >= last }
                receiver.answers(.internalServerError)
                await Self.submit(plane, 3)
                // At least one try, so that there is something to repeat.
                let failed = await tries.next()
                #expect(failed?.sequence ?? 0 > Int(last))
                try await Self.stored(plane) { $0.failingSince != nil }
                let metrics = await plane.api.metrics()
                #expect(metrics.contains(#"jessica_webhook_failing{webhook="hooks"} 1"#))
                let after = plane.feed.all.filter { $0.kind == .job && $0.sequence > last }
                wanted.withLock { $0 = after.map { Int($0.sequence) } }
            }
            receiver.answers(.ok)
            try await Plane.with(directory: directory) { plane, _ in
                await Self.submit(plane, 1)
                let wanted = wanted.withLock { $0 }
                #expect(wanted.count == 3)
                var taken: [Int] = []
                for await one in receiver.tries {
                    let sequence = try #require(one.sequence)
                    if taken.last != sequence { taken.append(sequence) }
                    if sequence > wanted.last ?? 0 { break }
                }
                #expect(Array(taken.prefix(3)) == wanted)
                #expect(taken.count == 4)
            }
        }
    }

    @Test("Who missed events that are no longer kept is told so")
    func resync() async throws {
        let directory = NSTemporaryDirectory() + "jessica-hooks-\(UInt32.random(in: .min ... .max))"
        try await Receiver.serve({ _ in Response(status: .internalServerError) }) { receiver in
            let secret = Mutex("")
            try await Plane.with(directory: directory) { plane, _ in
                let made = try await Self.create(plane, receiver.url)
                secret.withLock { $0 = made }
                await Self.submit(plane, 5)
                try await Self.stored(plane) { $0.failingSince != nil }
                _ = try await plane.store.store.client.read([
                    RedisCommand("XTRIM", .text(plane.store.keys.events), "MAXLEN", 2)
                ])
            }
            receiver.answers(.ok)
            try await Plane.with(directory: directory) { plane, _ in
                let kept = try await plane.store.events(after: 0, limit: 10).map {
                    Int($0.sequence)
                }
                #expect(kept.count == 2)
                let first = kept.first ?? 0
                var isTold = false
                for await one in receiver.tries {
                    if one.type == "resync" {
                        isTold = true
                        #expect(one.isSigned(with: secret.withLock { $0 }))
                        #expect(one.json?["data"]?["through"] == .int(Int64(first - 1)))
                    } else if isTold {
                        #expect(one.sequence == first)
                        break
                    }
                }
            }
        }
    }

    @Test("One that hangs holds up nobody else, and is dropped from when it is removed")
    func hanging() async throws {
        try await Receiver.serve { receiver in
            receiver.answers { one in
                if one.path == "/hooks/slow" { try? await Task.sleep(for: .seconds(60)) }
                return Response(status: .ok)
            }
            try await Plane.with { plane, _ in
                _ = try await Self.create(plane, receiver.url + "/slow", name: "slow")
                _ = try await Self.create(plane, receiver.url + "/quick", name: "quick")
                await Self.submit(plane, 20)
                let last = plane.feed.all.last { $0.kind == .job }.map { Int($0.sequence) }
                for await one in receiver.tries where one.path == "/hooks/quick" {
                    if one.sequence == last { break }
                }
                let slow = try #require(plane.webhooks.status(of: "slow"))
                #expect(slow.delivered == 0 && plane.webhooks.lag(slow) >= 20)
                let status = try await plane.call(.delete, "/api/v1/webhooks/slow").0
                #expect(status == .noContent)
                #expect(plane.webhooks.status(of: "slow") == nil)
            }
        }
    }

    private static var impatient: ControllerPolicy {
        var policy = ControllerPolicy()
        policy.webhookPatience = .seconds(3)
        return policy
    }

    @Test("What was tried for long enough is given up, and what came later is not")
    func givenUp() async throws {
        let policy = Self.impatient
        try await Receiver.serve({ _ in Response(status: .badGateway) }) { receiver in
            try await Plane.with(policy: policy) { plane, _ in
                _ = try await Self.create(plane, receiver.url)
                await Self.submit(plane, 2)
                try await Self.stored(plane) { $0.isFailing && $0.dropped >= 2 }
                let (_, found) = try await plane.call(.get, "/api/v1/webhooks/hooks")
                #expect(found["state"] == .string("failing"))
                let (_, diagnosis) = try await plane.call(.get, "/api/v1/diagnosis")
                guard case .array(let items)? = diagnosis["items"] else {
                    return #expect(Bool(false))
                }
                #expect(
                    items.contains {
                        $0["name"] == .string("webhook") && $0["status"] == .string("failed")
                    })
                receiver.answers(.ok)
                await Self.submit(plane, 1)
                let last = plane.feed.all.last { $0.kind == .job }?.sequence
                try await Self.stored(plane) { !$0.isFailing && $0.through >= last ?? 0 }
            }
        }
    }
}
