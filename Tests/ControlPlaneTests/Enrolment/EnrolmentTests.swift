import Crypto
import FleetCore
import FleetLink
import Foundation
import HTTPTypes
import Logging
import OrderedCollections
import RedisStore
import Testing

@testable import ControlPlane

@Suite("Enrolment", .timeLimit(.minutes(2)))
struct EnrolmentTests {
    /// A new box, with a key of its own.
    private struct Box: Sendable {
        let node: NodeName
        var key = P256.Signing.PrivateKey()
        var fingerprint: String { key.publicKey.fingerprint }
        var id: WaitingRoom.ID { WaitingRoom.ID(node: node, fingerprint: fingerprint) }

        /// What it asks with.
        func body(_ renews: JSONValue? = nil) throws -> String {
            var fields: [String: JSONValue] = [
                "node": .string(node.rawValue), "version": .string("0.1.0"),
                "key": .string(key.publicKey.pemRepresentation),
            ]
            fields["renews"] = renews
            return try JSONValue.object(fields).text
        }

        /// That it holds the key of a certificate.
        func proof(
            _ certificate: String, signedBy old: P256.Signing.PrivateKey
        ) throws -> JSONValue {
            let signature = try old.signature(for: key.publicKey.derRepresentation)
            return .object([
                "certificate": .string(certificate),
                "signature": .string(signature.derRepresentation.base64EncodedString()),
            ])
        }
    }

    private static let path = "/api/v1/enrolments"

    private func ask(
        _ plane: Plane, _ box: Box, _ renews: JSONValue? = nil
    ) async throws -> Plane.Answer {
        try await plane.answer(.post, Self.path, try box.body(renews), by: .https(nil))
    }

    private func approve(_ plane: Plane, _ node: NodeName) async throws -> Plane.Answer {
        try await plane.answer(.post, "\(Self.path)/\(node)/approve")
    }

    /// Asks, is approved, and has its certificate.
    private func enrol(_ plane: Plane, _ box: Box) async throws -> String {
        #expect(try await ask(plane, box).status == .accepted)
        #expect(try await approve(plane, box.node).status == .ok)
        let answer = try await ask(plane, box)
        #expect(answer.status == .ok && answer.json["state"] == .string("approved"))
        return try #require(Plane.text(answer.json["certificate"]))
    }

    private func waiting(_ plane: Plane) async throws -> [JSONValue] {
        let (status, page) = try await plane.call(.get, Self.path)
        #expect(status == .ok && page["next"] == nil)
        guard case .array(let items)? = page["items"] else { return [] }
        return items
    }

    @Test("The authority and the question of a new box are open to everybody, and nothing else is")
    func open() async throws {
        try await Plane.with { plane, _ in
            let (status, json) = try await plane.call(
                .get, "/api/v1/authority", by: .https(nil))
            #expect(status == .ok)
            #expect(json["certificate"] == .string(plane.api.enrolment.authority.trust))
            let fingerprint = Plane.text(json["fingerprint"]) ?? ""
            #expect(fingerprint.hasPrefix("SHA256:") && fingerprint.utf8.count == 71)
            let box = Box(node: "agx-01")
            let answer = try await ask(plane, box)
            #expect(answer.status == .accepted)
            #expect(
                answer.json
                    == .object([
                        "state": .string("pending"), "node": .string("agx-01"),
                        "key": .string(box.fingerprint),
                    ]))
            let body = try box.body()
            let shut: [(HTTPRequest.Method, String)] = [
                (.get, Self.path), (.post, Self.path + "/"), (.post, "/api/v1//enrolments"),
                (.post, Self.path + "/agx-01/approve"), (.post, "/api/v1/authority"),
                (.post, "/api/v1/nodes/agx-01/ban"), (.get, "/api/v1/nodes"),
            ]
            for (method, path) in shut {
                let status = try await plane.call(method, path, body, by: .https(nil)).0
                #expect(status == .unauthorized, "\(method) \(path)")
            }
            #expect(try await plane.answer(.post, "/api/v1/authority").status == .methodNotAllowed)
        }
    }

    @Test("Who is held is answered when approved, with a certificate that fits the key")
    func held() async throws {
        try await Plane.with { plane, _ in
            let box = Box(node: "agx-01")
            let prefer = try #require(HTTPField.Name("Prefer"))
            let body = try box.body()
            async let held = plane.answer(
                .post, Self.path, body, headers: [prefer: "wait=60"], by: .https(nil))
            while !plane.api.enrolment.room.isHeld(box.id) { await Task.yield() }
            let item = try #require(try await waiting(plane).first)
            #expect(item["node"] == .string("agx-01"))
            #expect(item["key"] == .string(box.fingerprint))
            #expect(item["address"] == .string("socket") && item["version"] == .string("0.1.0"))
            #expect(item["cluster"] == .string("vision") && item["role"] == .string("dedicated"))
            #expect(item["inFleet"] == .bool(true) && item["connected"] == .bool(false))
            #expect(item["bannedAt"] == nil)
            #expect(try await approve(plane, "agx-01").json["key"] == .string(box.fingerprint))
            let answer = try await held
            #expect(answer.status == .ok)
            let certificate = try #require(Plane.text(answer.json["certificate"]))
            _ = try TLSContext(
                role: .client, caBundle: plane.api.enrolment.authority.trust,
                certificateChain: certificate, privateKey: box.key.pemRepresentation)
            // A lost answer costs nothing.
            #expect(try await ask(plane, box).json == answer.json)
            #expect(try await waiting(plane).isEmpty)
            #expect(try await approve(plane, "agx-01").status == .notFound)
        }
    }

    @Test("Of several who wait under one name, one is approved by its key")
    func several() async throws {
        try await Plane.with { plane, _ in
            let (first, second) = (Box(node: "new-1"), Box(node: "new-1"))
            for box in [first, second] { _ = try await ask(plane, box) }
            let item = try #require(try await waiting(plane).first)
            #expect(item["inFleet"] == .bool(false) && item["role"] == nil)
            let unclear = try await approve(plane, "new-1")
            #expect(unclear.status == .conflict && unclear.code == "ambiguous_key")
            func choose(_ key: String) async throws -> HTTPResponse.Status {
                try await plane.call(
                    .post, "\(Self.path)/new-1/approve", #"{"key":"\#(key)"}"#
                ).0
            }
            #expect(try await choose("abc") == .badRequest)
            #expect(try await choose("SHA256:notdigits") == .badRequest)
            #expect(try await choose("00000000") == .notFound)
            #expect(try await choose(String(second.fingerprint.prefix(23))) == .ok)
            #expect(try await ask(plane, second).status == .ok)
            #expect(try await ask(plane, first).status == .accepted)
        }
    }

    @Test("Who waits under the name of a node that is connected is approved by key alone")
    func connected() async throws {
        try await Plane.with { plane, _ in
            try await plane.connect("agx-01")
            let box = Box(node: "agx-01")
            _ = try await ask(plane, box)
            let unclear = try await approve(plane, "agx-01")
            #expect(unclear.status == .conflict && unclear.code == "node_connected")
            #expect(try await ask(plane, box).status == .accepted)
            let (status, _) = try await plane.call(
                .post, "\(Self.path)/agx-01/approve", #"{"key":"\#(box.fingerprint)"}"#)
            #expect(status == .ok)
            #expect(try await ask(plane, box).status == .ok)
        }
    }

    @Test("What is issued is dated by the wall clock, though the loop's is ahead of it")
    func wallClock() async throws {
        try await Plane.with { plane, _ in
            let clock = plane.loop.clock
            let desk = EnrolmentDesk(
                authority: plane.api.enrolment.authority, loop: plane.loop,
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
                wall: { clock.now - .seconds(7_200) })
            let key = P256.Signing.PrivateKey().publicKey
            let guest = WaitingRoom.Guest(
                node: "agx-01", key: key, address: "-", version: nil, at: clock.now)
            guard case .waits = try await desk.answer(guest, renews: nil) else {
                Issue.record("admitted by nobody")
                return
            }
            try await desk.approve(guest)
            // It is remembered for an hour, by the same clock.
            guard case .admitted(let text, _) = try await desk.answer(guest, renews: nil) else {
                Issue.record("not admitted")
                return
            }
            let certificate = try #require(try PEMCertificate.all(in: text).first)
            let age = clock.now.since(Authority.issueTime(notBefore: certificate.notBefore))
            #expect(age >= .seconds(7_200))
            // A ban by the loop's clock is a ban of it.
            #expect(try await plane.answer(.post, "/api/v1/nodes/agx-01/ban").status == .ok)
            let isVoid = await plane.loop.read { controller, _ in
                controller.isVoid(
                    certificateOf: "agx-01",
                    issuedAt: Authority.issueTime(notBefore: certificate.notBefore))
            }
            #expect(isVoid)
        }
    }

    @Test("Nothing is issued while the store is away: a successor may have banned the node")
    func storeAway() async throws {
        try await Plane.with { plane, redis in
            let old = Box(node: "agx-01")
            let certificate = try await enrol(plane, old)
            let (new, other) = (Box(node: "agx-01"), Box(node: "agx-02"))
            _ = try await ask(plane, other)
            let proof = try new.proof(certificate, signedBy: old.key)
            let pid = try redis.pid()
            kill(pid, SIGSTOP)
            defer { kill(pid, SIGCONT) }
            async let submitted = plane.submit("job-1")
            while plane.loop.health.isHealthy { try await Task.sleep(for: .milliseconds(20)) }
            #expect(try await ask(plane, new, proof).code == "store_unavailable")
            #expect(try await approve(plane, "agx-02").code == "store_unavailable")
            // What was issued before is given again.
            #expect(try await ask(plane, old).status == .ok)
            kill(pid, SIGCONT)
            _ = await submitted
            while !plane.loop.health.isHealthy { try await Task.sleep(for: .milliseconds(20)) }
            #expect(try await ask(plane, new, proof).status == .ok)
            #expect(try await approve(plane, "agx-02").status == .ok)
        }
    }

    @Test("A certificate of a name that is not in the fleet is not renewed without anybody")
    func renewalOutsideTheFleet() async throws {
        try await Plane.with { plane, _ in
            let old = Box(node: "new-1")
            let certificate = try await enrol(plane, old)
            let new = Box(node: "new-1")
            let proof = try new.proof(certificate, signedBy: old.key)
            #expect(try await ask(plane, new, proof).status == .accepted)
            #expect(try await approve(plane, "new-1").status == .ok)
            #expect(try await ask(plane, new, proof).status == .ok)
        }
    }

    @Test("A certificate that is good renews itself; whatever is wrong with it, the box waits")
    func renewal() async throws {
        try await Plane.with { plane, _ in
            let old = Box(node: "agx-01")
            let certificate = try await enrol(plane, old)
            let authority = plane.api.enrolment.authority
            let now = plane.loop.clock.now
            let day = Duration.seconds(86_400)
            func certified(
                _ node: NodeName, by authority: Authority, at instant: Instant
            ) throws -> String {
                try authority.certify(node, key: old.key.publicKey, at: instant)
            }
            let stranger = try Authority(directory: plane.directory + "/stranger")
            let server = try authority.server(hosts: ["localhost"])
            let serverKey = try P256.Signing.PrivateKey(pemRepresentation: server.key)
            let wrong: [(String, String, P256.Signing.PrivateKey)] = [
                ("another key's signature", certificate, P256.Signing.PrivateKey()),
                (
                    "another authority", try certified("agx-01", by: stranger, at: now), old.key
                ),
                ("another node", try certified("agx-02", by: authority, at: now), old.key),
                (
                    "ended", try certified("agx-01", by: authority, at: now - day * 366), old.key
                ),
                (
                    "not begun", try certified("agx-01", by: authority, at: now + day), old.key
                ),
                ("the controller's own", server.certificate, serverKey),
                ("the authority's own", authority.trust, old.key),
                ("no certificate", "hello", old.key),
                ("too long", certificate + String(repeating: " ", count: 8 << 10), old.key),
            ]
            for (what, certificate, key) in wrong {
                let new = Box(node: "agx-01")
                let answer = try await ask(plane, new, try new.proof(certificate, signedBy: key))
                #expect(answer.status == .accepted, "\(what)")
            }
            let other = Box(node: "agx-01")
            let odd = Box(node: "agx-01")
            let stolen = try await ask(plane, odd, try other.proof(certificate, signedBy: old.key))
            #expect(stolen.status == .accepted, "signed for another key")
            let new = Box(node: "agx-01")
            let proof = try new.proof(certificate, signedBy: old.key)
            let renewed = try await ask(plane, new, proof)
            #expect(renewed.status == .ok)
            let next = try #require(Plane.text(renewed.json["certificate"]))
            #expect(next != certificate)
            #expect(try await ask(plane, new, proof).json == renewed.json)
            // The new one renews itself in turn, and a ban ends that.
            let last = Box(node: "agx-01")
            let lastProof = try last.proof(next, signedBy: new.key)
            #expect(try await plane.answer(.post, "/api/v1/nodes/agx-01/ban").status == .ok)
            #expect(try await ask(plane, last, lastProof).status == .accepted)
            #expect(try await ask(plane, new, proof).status == .accepted)
            let malformed = try await ask(plane, last, .object(["certificate": .string(next)]))
            #expect(malformed.status == .badRequest)
        }
    }

    @Test("A ban makes void what was issued until then, and what is approved later is good")
    func ban() async throws {
        try await Plane.with { plane, _ in
            let box = Box(node: "agx-01")
            let certificate = try await enrol(plane, box)
            func isVoid() async throws -> Bool {
                let given = try #require(
                    plane.api.enrolment.room.admission(of: box.id, at: plane.loop.clock.now))
                // As the link sees it: in whole seconds.
                let issuedAt = Authority.issueTime(
                    notBefore: given.issuedAt.nanoseconds / 1_000_000_000 - 300)
                return await plane.loop.read { controller, _ in
                    controller.isVoid(certificateOf: "agx-01", issuedAt: issuedAt)
                }
            }
            #expect(try await !isVoid())
            let answer = try await plane.answer(.post, "/api/v1/nodes/agx-01/ban")
            #expect(answer.status == .ok && answer.json["node"] == .string("agx-01"))
            let bannedAt = try #require(answer.json["bannedAt"])
            #expect(try await isVoid())
            let (_, node) = try await plane.call(.get, "/api/v1/nodes/agx-01")
            #expect(node["bannedAt"] == bannedAt)
            // It asks anew, with the same key, and is not given the old certificate again.
            #expect(try await ask(plane, box).status == .accepted)
            #expect(try await waiting(plane).first?["bannedAt"] == bannedAt)
            #expect(try await approve(plane, "agx-01").status == .ok)
            let again = try await ask(plane, box)
            #expect(again.status == .ok)
            #expect(again.json["certificate"] != .string(certificate))
            #expect(try await !isVoid())
            let loaded = try await plane.store.load(history: 1)
            #expect(loaded.snapshot.bans.map(\.node) == ["agx-01"])
        }
    }

    @Test("A ban of a name that nobody knows is refused; one that waits can be banned")
    func unknown() async throws {
        try await Plane.with { plane, _ in
            let status = try await plane.call(.post, "/api/v1/nodes/agx-99/ban").0
            #expect(status == .notFound)
            _ = try await ask(plane, Box(node: "agx-99"))
            #expect(try await plane.answer(.post, "/api/v1/nodes/agx-99/ban").status == .ok)
            let first = await plane.loop.read { controller, _ in controller.bans["agx-99"] }
            #expect(try await plane.answer(.post, "/api/v1/nodes/agx-99/ban").status == .ok)
            let second = await plane.loop.read { controller, _ in controller.bans["agx-99"] }
            let (earlier, later) = (try #require(first), try #require(second))
            #expect(earlier < later)
        }
    }

    @Test("What is no question of a box is refused")
    func wrong() async throws {
        try await Plane.with { plane, _ in
            let key = P256.Signing.PrivateKey().publicKey.pemRepresentation
            func body(_ fields: [String: JSONValue]) throws -> String {
                try JSONValue.object(fields).text
            }
            let bodies = [
                "{}", "[]", try body(["node": .string("agx-01")]),
                try body(["node": .string("AGX 01"), "key": .string(key)]),
                try body(["node": .string("agx-01"), "key": .int(1)]),
                try body([
                    "node": .string("agx-01"), "key": .string(key),
                    "version": .string("1\u{1B}[2J"),
                ]),
                try body(["node": .string("agx-01"), "key": .string(key), "csr": .null]),
            ]
            for body in bodies {
                let status = try await plane.call(.post, Self.path, body, by: .https(nil)).0
                #expect(status == .badRequest, "\(body)")
            }
            let other = P384.Signing.PrivateKey().publicKey.pemRepresentation
            for key in ["hello", other] {
                let odd = try body(["node": .string("agx-01"), "key": .string(key)])
                let status = try await plane.call(.post, Self.path, odd, by: .https(nil)).0
                #expect(status == .unprocessableContent, "\(key)")
            }
            let long = #"{"node":"\#(String(repeating: "a", count: 17 << 10))"}"#
            let status = try await plane.call(.post, Self.path, long, by: .https(nil)).0
            #expect(status == .contentTooLarge)
            #expect(try await waiting(plane).isEmpty)
        }
    }

    @Test("Each approval, ban and renewal is noted with its key, and a question once")
    func audit() async throws {
        try await Plane.with { plane, _ in
            let box = Box(node: "agx-01")
            for _ in 1...3 { _ = try await ask(plane, box) }
            let certificate = try await enrol(plane, box)
            let new = Box(node: "agx-01")
            let proof = try new.proof(certificate, signedBy: box.key)
            for _ in 1...2 { #expect(try await ask(plane, new, proof).status == .ok) }
            _ = try await plane.call(.post, "/api/v1/nodes/agx-01/ban")
            let (_, page) = try await plane.call(.get, "/api/v1/audit")
            guard case .array(let items)? = page["items"] else {
                Issue.record("no trail: \(page)")
                return
            }
            #expect(
                items.map { Plane.text($0["who"]) } == ["local", "node agx-01", "local", "-"])
            #expect(
                items.map { Plane.text($0["action"]) } == [
                    "POST /api/v1/nodes/agx-01/ban", "POST /api/v1/enrolments",
                    "POST /api/v1/enrolments/agx-01/approve", "POST /api/v1/enrolments",
                ])
            let keys = [new, box, box].map(\.fingerprint)
            for (item, key) in zip(items.dropFirst(), keys) {
                #expect(Plane.text(item["detail"])?.contains(key) == true)
            }
            #expect(Plane.text(items.first?["detail"])?.contains("void") == true)
            #expect(items.last?["role"] == nil && items.last?["status"] == .int(202))
            // Whoever asks with ever new keys does not fill the trail.
            for _ in 1...30 { _ = try await ask(plane, Box(node: "agx-02")) }
            let (_, later) = try await plane.call(.get, "/api/v1/audit?who=-&limit=1000")
            guard case .array(let noted)? = later["items"] else { return }
            // An hour may have begun meanwhile.
            #expect((20...29).contains(noted.count))
            #expect(try await waiting(plane).count == WaitingRoom.addressMax)
        }
    }
}
