import Crypto
import FleetCore
import FleetLink
import Foundation
import Synchronization
import Testing

@testable import NodeAgent

/// A node with an empty folder, and a controller that answers as the test says.
private struct Rig: Sendable {
    let certificates: Certificates
    let server: EnrolmentServer
    let port: Int
    let identity: Identity

    static let place = AgentSettings.Place(host: "127.0.0.1", port: 1)

    static func with(
        _ answer:
            @escaping @Sendable (EnrolmentServer.Asked, Int, Certificates) throws ->
            EnrolmentServer.Answer,
        _ body: (Rig) async throws -> Void
    ) async throws {
        try await withFolder { folder in
            let certificates = try Certificates(folder: folder + "/tls")
            let identity = Identity(
                ca: folder + "/node/ca.crt", certificate: folder + "/node/node.crt",
                key: folder + "/node/node.key")
            try await EnrolmentServer.with(
                certificates,
                { asked, before in
                    if asked.path == "/api/v1/authority" {
                        return .certificate(try certificates.text("ca.crt"))
                    }
                    return try answer(asked, before, certificates)
                },
                { server, port in
                    try await body(
                        Rig(
                            certificates: certificates, server: server, port: port,
                            identity: identity))
                })
        }
    }

    /// An agent's life; without a `pin` the one that is right.
    func enrolment(
        _ node: String = "agx-01", pin: String? = nil, identity: Identity? = nil,
        now: Int64 = WallTime.seconds,
        pause: @escaping @Sendable (Duration) async throws -> Void = { _ in }
    ) throws -> Enrolment {
        let text = try pin ?? certificates.fingerprint()
        return Enrolment(
            .init(
                node: node, controllers: [Rig.place], apiPort: port, serverName: "spark.test",
                fingerprint: KeyFingerprint(text)),
            identity: identity ?? self.identity, logger: quiet, now: { now }, pause: pause)
    }

    /// Gives the node what `certify` makes.
    func certify() throws {
        let folder = DurableFile.parent(identity.key)
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        for name in ["ca.crt", "node.crt", "node.key"] {
            try FileManager.default.copyItem(
                atPath: "\(certificates.folder)/\(name)", toPath: "\(folder)/\(name)")
        }
    }

    /// The files of the node.
    func files() -> Set<String> {
        let folder = DurableFile.parent(identity.key)
        return Set((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
    }

    /// The key in a file of the node.
    func key(_ path: String) throws -> P256.Signing.PrivateKey {
        try P256.Signing.PrivateKey(
            pemRepresentation: String(contentsOfFile: path, encoding: .utf8))
    }
}

@Suite("How a node gets its certificate, and keeps one") struct EnrolmentTests {
    private static let whole: Set = ["ca.crt", "node.crt", "node.key"]

    private static func approve(
        _ asked: EnrolmentServer.Asked, _ certificates: Certificates, _ node: String = "agx-01"
    ) throws -> EnrolmentServer.Answer {
        .certificate(try certificates.issue(node, for: asked.form?.key ?? ""))
    }

    @Test("An authority with another fingerprint is told nothing, and nothing of it is kept")
    func stranger() async throws {
        try await Rig.with({ asked, _, made in try Self.approve(asked, made) }) { rig in
            let pin = "SHA256:" + String(repeating: "0", count: 64)
            let enrolment = try rig.enrolment(pin: pin)
            let error = await #expect(throws: AgentError.self) {
                try await enrolment.credential(from: Rig.place)
            }
            let offered = try rig.certificates.fingerprint()
            #expect(error?.message.contains(offered) == true)
            #expect(rig.server.asked.map(\.path) == ["/api/v1/authority"])
            #expect(rig.files().isEmpty)
        }
    }

    @Test("A certificate with the authority's key that it has not signed is not the authority's")
    func forged() async throws {
        try await Rig.with({ _, _, _ in .pending }) { rig in
            let text = try rig.certificates.text("ca.crt")
            let pin = try #require(KeyFingerprint(try rig.certificates.fingerprint()))
            #expect(throws: Never.self) { try pin.authority(in: text) }
            var der = try #require(try PEMCertificate.all(in: text).first).der
            let last = try #require(der.indices.last)
            der[last] ^= 1
            let lines = Data(der).base64EncodedString(options: .lineLength64Characters)
            let forged = "-----BEGIN CERTIFICATE-----\n\(lines)\n-----END CERTIFICATE-----\n"
            let error = #expect(throws: AgentError.self) { try pin.authority(in: forged) }
            #expect(error?.message.contains("not signed by it") == true)
        }
    }

    @Test("Without authority and fingerprint it is said how to get them")
    func nothing() async throws {
        try await Rig.with({ _, _, _ in .pending }) { rig in
            let enrolment = Enrolment(
                .init(node: "agx-01", controllers: [Rig.place], apiPort: rig.port),
                identity: rig.identity, logger: quiet)
            let error = await #expect(throws: AgentError.self) {
                try await enrolment.credential(from: Rig.place)
            }
            #expect(error?.message.contains("get it with `spark-controller certify`") == true)
            #expect(error?.message.contains("controller.fingerprint") == true)
            #expect(rig.server.asked.isEmpty)
        }
    }

    @Test("An authority that is there and has another fingerprint is not replaced")
    func contradiction() async throws {
        try await Rig.with({ asked, _, made in try Self.approve(asked, made) }) { rig in
            try rig.certify()
            try FileManager.default.removeItem(atPath: rig.identity.certificate)
            let pin = "SHA256:" + String(repeating: "0", count: 64)
            let enrolment = try rig.enrolment(pin: pin)
            let error = await #expect(throws: AgentError.self) {
                try await enrolment.credential(from: Rig.place)
            }
            #expect(error?.message.contains("delete it") == true)
            #expect(rig.server.asked.isEmpty)
        }
    }

    @Test("It waits, and is admitted", .timeLimit(.minutes(1)))
    func admitted() async throws {
        try await Rig.with({ asked, before, made in
            // The authority, and two questions that nobody decides.
            before < 3 ? .pending : try Self.approve(asked, made)
        }) { rig in
            let enrolment = try rig.enrolment()
            let credential = try await enrolment.credential(from: Rig.place)
            #expect(credential.certificate.name == "agx-01")
            // The first answer is for the log; the others may take their time.
            let prefers = rig.server.asked.dropFirst().map(\.prefer)
            #expect(prefers == [nil, "wait=50", "wait=50"])
            let keys = rig.server.forms.map(\.key)
            #expect(keys.count == 3 && Set(keys).count == 1)
            let installed = try rig.key(rig.identity.key).publicKey.pemRepresentation
            #expect(installed == keys.first)
            #expect(rig.files() == Self.whole)
            try runScript("test \"$(stat -c %a \(rig.identity.key))\" = 600")
            // The next connection asks nobody.
            _ = try await enrolment.credential(from: Rig.place)
            #expect(rig.server.asked.count == 4)
        }
    }

    @Test("A life after the next asks with the same key")
    func restart() async throws {
        try await Rig.with({ _, _, _ in .full }) { rig in
            for _ in 1...2 {
                let enrolment = try rig.enrolment()
                let error = await #expect(throws: AgentError.self) {
                    try await enrolment.credential(from: Rig.place)
                }
                #expect(error?.message.contains("the room is full") == true)
            }
            #expect(rig.server.forms.count == 2)
            #expect(Set(rig.server.forms.map(\.key)).count == 1)
            #expect(rig.files() == ["ca.crt", "node.key.new"])
        }
    }

    @Test("Where there is no room it comes back in a while, and not all at once")
    func noRoom() async throws {
        try await Rig.with({ _, _, _ in .full }) { rig in
            let pauses = Mutex<[Duration]>([])
            let enrolment = try rig.enrolment { pause in pauses.withLock { $0.append(pause) } }
            await #expect(throws: AgentError.self) {
                try await enrolment.credential(from: Rig.place)
            }
            let paused = pauses.withLock { $0 }
            #expect(paused.count == 1 && rig.server.forms.count == 1)
            #expect(paused.allSatisfy { $0 >= .seconds(30) && $0 <= .seconds(60) })
        }
    }

    @Test("An install that was interrupted is finished", arguments: [false, true])
    func interrupted(keyIsInPlace: Bool) async throws {
        try await Rig.with({ _, _, _ in .full }) { rig in
            try rig.certify()
            let next = try rig.identity.keyWithoutCertificate()
            let text = try rig.certificates.issue(
                "agx-01", for: next.publicKey.pemRepresentation)
            try DurableFile.write(Array(text.utf8), to: rig.identity.nextCertificate)
            if keyIsInPlace {
                try FileManager.default.removeItem(atPath: rig.identity.key)
                try FileManager.default.moveItem(
                    atPath: rig.identity.nextKey, toPath: rig.identity.key)
            }
            let credential = try await rig.enrolment().credential(from: Rig.place)
            #expect(credential.certificate.text == text)
            #expect(rig.files() == Self.whole)
            #expect(rig.server.asked.isEmpty)
        }
    }

    @Test("A new certificate without its key is dropped, and the present one stays")
    func orphan() async throws {
        try await Rig.with({ _, _, _ in .full }) { rig in
            try rig.certify()
            let other = P256.Signing.PrivateKey().publicKey.pemRepresentation
            let text = try rig.certificates.issue("agx-01", for: other)
            try DurableFile.write(Array(text.utf8), to: rig.identity.nextCertificate)
            let credential = try await rig.enrolment().credential(from: Rig.place)
            let present = try rig.certificates.text("node.crt")
            #expect(credential.certificate.text == present)
            #expect(rig.files() == Self.whole)
        }
    }

    @Test(
        "A certificate of another key or for another node is not taken", arguments: [true, false])
    func notOurs(isOtherKey: Bool) async throws {
        let other = P256.Signing.PrivateKey().publicKey.pemRepresentation
        try await Rig.with({ asked, _, made in
            isOtherKey
                ? .certificate(try made.issue("agx-01", for: other))
                : try Self.approve(asked, made, "agx-02")
        }) { rig in
            let enrolment = try rig.enrolment()
            let error = await #expect(throws: AgentError.self) {
                try await enrolment.credential(from: Rig.place)
            }
            let word = isOtherKey ? "another key" : "agx-02"
            #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
            #expect(rig.files() == ["ca.crt", "node.key.new"])
        }
    }

    @Test("A certificate is renewed in the last third of its life, and not before")
    func renewal() async throws {
        try await Rig.with({ asked, _, made in try Self.approve(asked, made) }) { rig in
            try rig.certify()
            let old = try rig.identity.credential().certificate
            let day: Int64 = 86_400
            let early = try rig.enrolment(now: old.ends - 11 * day)
            await early.renewIfDue()
            #expect(rig.server.asked.isEmpty)

            let enrolment = try rig.enrolment(now: old.ends - 9 * day)
            await enrolment.renewIfDue()
            let form = try #require(rig.server.forms.first)
            let renews = try #require(form.renews)
            #expect(form.node == "agx-01" && renews.certificate == old.text)
            let key = try P256.Signing.PublicKey(pemRepresentation: form.key)
            let signature = try P256.Signing.ECDSASignature(derRepresentation: renews.signature)
            let present = try P256.Signing.PublicKey(derRepresentation: old.key)
            #expect(present.isValidSignature(signature, for: key.derRepresentation))
            let new = try await enrolment.credential(from: Rig.place).certificate
            #expect(new.key == Array(key.derRepresentation) && new.key != old.key)
            #expect(rig.files() == Self.whole)
            #expect(rig.server.asked.count == 1 && rig.server.asked.first?.prefer == nil)
        }
    }

    @Test("A renewal that somebody has to approve is asked for until it is seen")
    func renewalWaits() async throws {
        for (isApproved, expected) in [
            (false, Duration.seconds(300)), (true, Duration.seconds(3_600)),
        ] {
            try await Rig.with({ asked, _, made in
                isApproved ? try Self.approve(asked, made) : .pending
            }) { rig in
                try rig.certify()
                let old = try rig.identity.credential().certificate
                let pauses = Mutex<[Duration]>([])
                let enrolment = try rig.enrolment(now: old.ends - 60) { pause in
                    pauses.withLock { $0.append(pause) }
                    throw CancellationError()
                }
                await enrolment.keepRenewed()
                let paused = pauses.withLock { $0 }
                #expect(paused == [expected] && rig.server.forms.count == 1)
            }
        }
    }

    @Test("A renewal that fails leaves everything as it is")
    func failedRenewal() async throws {
        try await Rig.with({ _, _, _ in .full }) { rig in
            try rig.certify()
            let old = try rig.identity.credential().certificate
            let enrolment = try rig.enrolment(now: old.ends - 60)
            await enrolment.renewIfDue()
            #expect(rig.server.forms.count == 1)
            let present = try await enrolment.credential(from: Rig.place).certificate
            #expect(present.text == old.text)
        }
    }

    @Test(
        "One that has ended or is void is not used: the node asks anew", arguments: [true, false])
    func useless(isVoid: Bool) async throws {
        try await Rig.with({ asked, _, made in try Self.approve(asked, made) }) { rig in
            try rig.certify()
            let old = try rig.identity.credential().certificate
            let enrolment = try rig.enrolment(now: isVoid ? WallTime.seconds : old.ends)
            if isVoid {
                _ = try await enrolment.credential(from: Rig.place)
                #expect(rig.server.asked.isEmpty)
                enrolment.giveUp(old)
            }
            let new = try await enrolment.credential(from: Rig.place).certificate
            #expect(new.key != old.key && rig.server.forms.count == 1)
            #expect(rig.server.forms.first?.renews == nil)
        }
    }

    @Test("One that came with a copied disk is not used: the node asks under its own name")
    func copied() async throws {
        try await Rig.with({ asked, _, made in try Self.approve(asked, made, "agx-02") }) { rig in
            try rig.certify()
            let old = try rig.identity.credential().certificate
            let new = try await rig.enrolment("agx-02").credential(from: Rig.place).certificate
            #expect(new.name == "agx-02" && new.key != old.key)
            #expect(rig.server.forms.map(\.node) == ["agx-02"])
            #expect(rig.server.forms.first?.renews == nil)
        }
    }

    @Test("One of another authority is not used: the node asks anew", .timeLimit(.minutes(1)))
    func ofAnotherAuthority() async throws {
        try await Rig.with({ asked, _, made in try Self.approve(asked, made) }) { rig in
            try rig.certify()
            // Another authority has the same name.
            let other = try Certificates(folder: rig.certificates.folder + "/other")
            for (name, path) in [
                ("node.crt", rig.identity.certificate), ("node.key", rig.identity.key),
            ] {
                try DurableFile.write(Array(other.text(name).utf8), to: path)
            }
            let old = try rig.identity.credential().certificate
            let enrolment = try rig.enrolment()
            await enrolment.renewIfDue()
            #expect(rig.server.asked.isEmpty)
            let new = try await enrolment.credential(from: Rig.place).certificate
            #expect(new.key != old.key && rig.server.forms.count == 1)
            #expect(rig.server.forms.first?.renews == nil)
            let authority = try rig.certificates.text("ca.crt")
            #expect(try rig.identity.authority() == authority)
            // What it was given holds.
            _ = try await enrolment.credential(from: Rig.place)
            #expect(rig.server.forms.count == 1)
        }
    }

    @Test("A goodbye that says so makes the certificate void", .timeLimit(.minutes(1)))
    func goodbye() async throws {
        try await Rig.with({ asked, _, made in try Self.approve(asked, made) }) { rig in
            try rig.certify()
            let controller = FakeController(
                context: try rig.certificates.serverContext(), uploadURL: "http://127.0.0.1:1")
            controller.isBanned.set(true)
            let ups = Latest(UInt64(0))
            let isOver = Latest(false)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await controller.run() }
                let port = try await controller.port.wait { $0 > 0 }
                let link = AgentLink(
                    target: .init(
                        places: [.init(host: "127.0.0.1", port: port)], serverName: "spark.test",
                        enrolment: try rig.enrolment()),
                    meters: AgentMeters(), logger: quiet,
                    onChange: { change in
                        switch change {
                        case .up(let epoch): ups.set(epoch)
                        case .message(.goodbye): isOver.set(true)
                        case .down, .message: break
                        }
                    }, onCredit: {}, onLogKept: { _ in })
                group.addTask { await link.run() }
                _ = try await ups.wait { $0 == 1 }
                #expect(rig.server.asked.isEmpty)
                let life = Incarnation(boot: "b", starts: 1)
                link.send(.hello(Hello(node: "agx-01", incarnation: life, version: "1")), epoch: 1)
                _ = try await isOver.wait { $0 }
                link.close(epoch: 1, reason: "as the loop does")
                _ = try await ups.wait { $0 == 2 }
                #expect(rig.server.forms.count == 1)
                group.cancelAll()
            }
        }
    }
}
