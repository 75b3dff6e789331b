import FleetLink
import NIOCore
import Testing

/// Two sessions joined by memory.
private struct Wire: ~Copyable {
    var client: TLSSession
    var server: TLSSession
    /// Bytes handed over at once.
    let slice: Int

    init(
        client: TLSContext, server: TLSContext, serverName: String = "spark.test",
        slice: Int = 1 << 20
    ) throws {
        let first = try TLSSession.client(client, serverName: serverName)
        let second = try TLSSession.server(server)
        self.client = first
        self.server = second
        self.slice = slice
    }

    /// Moves what the client has for the server, calling `step` after each slice.
    mutating func toServer(_ step: (inout TLSSession) -> Void) {
        guard var bytes = client.takeCiphertext() else { return }
        while let part = bytes.readSlice(length: min(slice, bytes.readableBytes)),
            part.readableBytes > 0
        {
            _ = server.feed(part)
            step(&server)
        }
    }

    mutating func toClient(_ step: (inout TLSSession) -> Void) {
        guard var bytes = server.takeCiphertext() else { return }
        while let part = bytes.readSlice(length: min(slice, bytes.readableBytes)),
            part.readableBytes > 0
        {
            _ = client.feed(part)
            step(&client)
        }
    }

    /// Runs both handshakes to their ends.
    mutating func handshake() -> (client: TLSSession.Step, server: TLSSession.Step) {
        var ours = client.handshake()
        var theirs = TLSSession.Step.needsInput
        for _ in 0..<4 {
            toServer { theirs = $0.handshake() }
            toClient { ours = $0.handshake() }
        }
        return (ours, theirs)
    }
}

extension TLSSession.Step {
    fileprivate var error: LinkError? {
        guard case .failed(let error) = self else { return nil }
        return error
    }
}

@Suite struct TLSSessionTests {
    let certificates: Certificates

    init() throws { certificates = try Certificates.shared() }

    @Test(arguments: [1, 7, 1 << 20])
    func handshakeAndDataBothWays(slice: Int) throws {
        var wire = try Wire(
            client: certificates.clientContext(), server: certificates.serverContext(),
            slice: slice)
        let (client, server) = wire.handshake()
        #expect(client == .done)
        #expect(server == .done)

        var generator = SplitMix(state: 1)
        let message = (0..<40_000).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let sent = wire.client.write(ByteBuffer(bytes: message))
        #expect(sent == .done)
        var received = ByteBuffer()
        wire.toServer { while case .bytes = $0.read(into: &received) {} }
        #expect(Array(received.readableBytesView) == message)

        let answered = wire.server.write(ByteBuffer(string: "answer"))
        #expect(answered == .done)
        var answer = ByteBuffer()
        wire.toClient { while case .bytes = $0.read(into: &answer) {} }
        #expect(String(buffer: answer) == "answer")

        // The goodbye is seen as an end, not as a failure.
        wire.client.shutdown()
        var last = TLSSession.Read.needsInput
        var rest = ByteBuffer()
        wire.toServer { last = $0.read(into: &rest) }
        #expect(last == .closed)
    }

    @Test func identityIsReadFromTheCertificate() throws {
        var wire = try Wire(
            client: certificates.clientContext(), server: certificates.serverContext())
        _ = wire.handshake()
        let node = try wire.server.peerIdentity()
        #expect(node.commonName == "agx-01")
        #expect(node.uris == ["spiffe://fleet/node/agx-01", "urn:second"])
        #expect(node.dnsNames == ["agx-01.fleet"])
        #expect(node.serial.count >= 28)
        #expect(node.serial.allSatisfy { $0.isHexDigit && !$0.isLowercase })
        #expect(node.notBefore > 1_700_000_000)
        #expect(node.notBefore < node.notAfter)
        let spark = try wire.client.peerIdentity()
        #expect(spark.commonName == "spark")
        #expect(spark.dnsNames == ["spark.test"])
        #expect(spark.serial != node.serial)
    }

    @Test func anIntermediateInTheChainIsAccepted() throws {
        var wire = try Wire(
            client: certificates.clientContext(certificates.chainedNode),
            server: certificates.serverContext())
        let (client, server) = wire.handshake()
        #expect(client == .done && server == .done)
        let peer = try wire.server.peerIdentity()
        #expect(peer.commonName == "agx-02")
    }

    @Test func anAmbiguousCommonNameIsNoIdentity() throws {
        var wire = try Wire(
            client: certificates.clientContext(certificates.oddNode),
            server: certificates.serverContext())
        _ = wire.handshake()
        do {
            _ = try wire.server.peerIdentity()
            Issue.record("two common names were taken")
        } catch { #expect(error.code == .handshakeFailed) }
    }

    @Test func aClientOfAnotherCAIsRefused() throws {
        var wire = try Wire(
            client: certificates.clientContext(certificates.strangerNode),
            server: certificates.serverContext())
        let (_, server) = wire.handshake()
        #expect(server.error?.code == .handshakeFailed)
        #expect(server.error?.message.contains("certificate is refused") == true)
        // The client learns of it from the alert.
        var plaintext = ByteBuffer()
        guard case .failed(let error) = wire.client.read(into: &plaintext) else {
            Issue.record("the client was not told")
            return
        }
        #expect(error.code == .refusedByPeer)
    }

    @Test func anExpiredClientIsRefused() throws {
        var wire = try Wire(
            client: certificates.clientContext(certificates.expiredNode),
            server: certificates.serverContext())
        let (_, server) = wire.handshake()
        #expect(server.error?.message.contains("expired") == true)
    }

    @Test func aServerCertificateIsNoClientCertificate() throws {
        var wire = try Wire(
            client: certificates.clientContext(certificates.server),
            server: certificates.serverContext())
        let (_, server) = wire.handshake()
        #expect(server.error?.code == .handshakeFailed)
    }

    @Test func aServerOfAnotherCAIsRefused() throws {
        var wire = try Wire(
            client: certificates.clientContext(),
            server: certificates.serverContext(certificates.strangerServer))
        let (client, server) = wire.handshake()
        #expect(client.error?.code == .handshakeFailed)
        #expect(server.error?.code == .refusedByPeer)
    }

    @Test(arguments: [
        ("spark.test", true), ("127.0.0.1", true), ("spark", false), ("127.0.0.2", false),
        ("evil.test", false),
    ])
    func theServersNameIsChecked(name: String, isGood: Bool) throws {
        var wire = try Wire(
            client: certificates.clientContext(), server: certificates.serverContext(),
            serverName: name)
        let (client, _) = wire.handshake()
        #expect((client == .done) == isGood)
        if !isGood { #expect(client.error?.code == .handshakeFailed) }
    }

    @Test func anotherApplicationProtocolIsRefusedOnBothSides() throws {
        var wire = try Wire(
            client: certificates.clientContext(alpn: "h2"), server: certificates.serverContext())
        let (client, server) = wire.handshake()
        #expect(server.error?.code == .alpnMismatch)
        #expect(client.error?.code == .alpnMismatch)
    }

    @Test func contextsAreNotMixedUp() throws {
        let context = try certificates.clientContext()
        do {
            _ = try TLSSession.server(context)
            Issue.record("a client's context made a server's session")
        } catch { #expect(error.code == .setup) }
    }

    @Test func mutatedHandshakesNeverTrap() throws {
        let client = try certificates.clientContext()
        let server = try certificates.serverContext()
        var generator = SplitMix(state: 42)
        for _ in 0..<1_500 {
            var session = try TLSSession.server(server)
            var peer = try TLSSession.client(client, serverName: "spark.test")
            _ = peer.handshake()
            let flight = peer.takeCiphertext()
            let hello = try #require(flight)
            var bytes = Array(hello.readableBytesView)
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let at = bytes.indices.randomElement(using: &generator) ?? 0
                bytes[at] = UInt8.random(in: .min ... .max, using: &generator)
            }
            if Bool.random(using: &generator) {
                bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator))
            }
            let isTaken = session.feed(ByteBuffer(bytes: bytes))
            #expect(isTaken)
            let step = session.handshake()
            #expect(step != .done)
            _ = session.takeCiphertext()
            var plaintext = ByteBuffer()
            if case .bytes = session.read(into: &plaintext) { Issue.record("plaintext") }
        }
    }

    @Test func aChangedRecordIsRefused() throws {
        var wire = try Wire(
            client: certificates.clientContext(), server: certificates.serverContext())
        _ = wire.handshake()
        _ = wire.client.write(ByteBuffer(string: "message"))
        let ciphertext = wire.client.takeCiphertext()
        var record = try #require(ciphertext)
        let last = record.writerIndex - 1
        let byte = try #require(record.getInteger(at: last, as: UInt8.self))
        record.setInteger(byte ^ 1, at: last)
        _ = wire.server.feed(record)
        var plaintext = ByteBuffer()
        guard case .failed(let error) = wire.server.read(into: &plaintext) else {
            Issue.record("a changed record was taken")
            return
        }
        #expect(error.code == .brokenRecord)
        #expect(plaintext.readableBytes == 0)
    }
}
