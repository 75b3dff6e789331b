import FleetLink
import NIOCore
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(2))) struct ServerRefusalTests {
    @Test(arguments: [
        Array("GET / HTTP/1.1\r\nHost: spark\r\n\r\n".utf8),
        Array(repeating: 0, count: 100),
        Array(repeating: 0xFF, count: 200_000),
        [0x16, 0x03, 0x01, 0xFF, 0xFF] + Array(repeating: 1, count: 20_000),
    ])
    func garbageIsRefusedAndServingGoesOn(bytes: [UInt8]) async throws {
        try await withServer { server in
            let answer = try await sendRaw(bytes, port: server.port)
            #expect(answer.count < 64)
            let refusal = try await server.nextRefusal()
            #expect(refusal.reason == .handshakeFailed)
            #expect(!refusal.detail.isEmpty)
            #expect(refusal.remoteAddress.hasPrefix("127.0.0.1:"))
            try await server.checkAlive()
        }
    }

    @Test func aSilentClientIsTimedOut() async throws {
        var limits = LinkLimits()
        limits.handshakeTimeout = .milliseconds(100)
        try await withServer(limits: limits) { server in
            _ = try await sendRaw([], port: server.port)
            let refusal = try await server.nextRefusal()
            #expect(refusal.reason == .handshakeTimeout)
        }
    }

    @Test(arguments: [
        ([0x47, 0x45, 0x54] as [UInt8], LinkRefusal.Reason.badFrame),
        ([0x4A, 0x46, 9, 0, 0, 0, 0, 0], .badFrame),
        ([0x4A, 0x46, 1, 0, 0x7F, 0xFF, 0xFF, 0xFF], .frameTooLarge),
        ([0x4A, 0x46, 1, 0, 0xFF, 0xFF, 0xFF, 0xFF], .frameTooLarge),
    ])
    func badFramesAreRefusedAndServingGoesOn(
        bytes: [UInt8], reason: LinkRefusal.Reason
    ) async throws {
        try await withServer { server in
            try await sendInsideTLS(bytes, to: server)
            let refusal = try await server.nextRefusal()
            #expect(refusal.reason == reason)
            try await server.checkAlive()
        }
    }

    @Test func aSlowFrameIsRefused() async throws {
        var limits = LinkLimits()
        limits.slowFrameTimeout = .milliseconds(100)
        try await withServer(limits: limits) { server in
            try await sendInsideTLS([0x4A, 0x46, 1, 0, 0, 0, 0, 9, 1], to: server)
            let refusal = try await server.nextRefusal()
            #expect(refusal.reason == .slowFrame)
        }
    }

    @Test(arguments: [RawSender.Ending.goodbye, .cut])
    func anEndInTheMiddleOfAFrameIsAnError(ending: RawSender.Ending) async throws {
        let (ends, sink) = AsyncStream.makeStream(of: (any Error)?.self)
        try await withServer(handler: { connection in
            do {
                for try await _ in connection.inbound {}
                sink.yield(nil)
            } catch { sink.yield(error) }
        }) { server in
            try await sendInsideTLS(
                [0x4A, 0x46, 1, 0, 0, 0, 0, 9, 1], to: server, ending: ending)
            var end: (any Error)?
            for await error in ends {
                end = error
                break
            }
            #expect((end as? LinkError)?.code == .truncated)
        }
    }

    @Test func aClientWithoutCertificateIsRefused() async throws {
        try await withServer { server in
            _ = try await openssl([
                "s_client", "-connect", "127.0.0.1:\(server.port)", "-alpn", "jessica-fleet/1",
                "-CAfile", server.certificates.ca.chainFile,
            ])
            let refusal = try await server.nextRefusal()
            #expect(refusal.reason == .handshakeFailed)
            #expect(refusal.detail.contains("did not return a certificate"))
        }
    }

    @Test func anOlderTLSIsRefused() async throws {
        try await withServer { server in
            let status = try await openssl(client(server, "-tls1_2", "-alpn", "jessica-fleet/1"))
            #expect(status != 0)
            let refusal = try await server.nextRefusal()
            #expect(refusal.reason == .handshakeFailed)
            #expect(refusal.detail.contains("unsupported protocol"))
        }
    }

    @Test func aForeignOrMissingProtocolIsRefused() async throws {
        try await withServer { server in
            #expect(try await openssl(client(server, "-alpn", "h2")) != 0)
            let refusal = try await server.nextRefusal()
            #expect(refusal.reason == .alpnMismatch)
            _ = try await openssl(client(server))
            let second = try await server.nextRefusal()
            #expect(second.reason == .alpnMismatch)
            // The same call with the right protocol is let in, so it was the protocol.
            #expect(try await openssl(client(server, "-alpn", "jessica-fleet/1")) == 0)
            try await server.checkAlive()
        }
    }

    private func client(_ server: TestServer, _ more: String...) -> [String] {
        let certificates = server.certificates
        return [
            "s_client", "-connect", "127.0.0.1:\(server.port)",
            "-CAfile", certificates.ca.chainFile, "-verify_return_error",
            "-cert", certificates.node.chainFile, "-key", certificates.node.keyFile,
        ] + more
    }

    @Test func aStrangersCertificateIsRefusedAndHeIsTold() async throws {
        try await withServer { server in
            let context = try server.certificates.clientContext(server.certificates.strangerNode)
            let connection = try await server.connect(context)
            do {
                _ = try await firstFrame(connection)
                Issue.record("a stranger was let in")
            } catch { #expect((error as? LinkError)?.code == .refusedByPeer) }
            let refusal = try await server.nextRefusal()
            #expect(refusal.reason == .handshakeFailed)
        }
    }

    @Test func tooManyStrangersAreTurnedAway() async throws {
        var limits = LinkLimits()
        limits.unauthenticatedPerAddress = 2
        limits.handshakeTimeout = .seconds(30)
        try await withServer(limits: limits) { server in
            let idle = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            var open: [any Channel] = []
            for _ in 0..<3 {
                // One of them is turned away, perhaps before it knows that it is connected.
                let channel = try? await idle.connect(host: "127.0.0.1", port: server.port).get()
                if let channel { open.append(channel) }
            }
            let refusal = try await server.nextRefusal()
            #expect(refusal.reason == .tooManyFromAddress)
            for channel in open { channel.close(promise: nil) }
            // Their places are free again once the server has seen them go.
            for _ in 0..<2 {
                let refusal = try await server.nextRefusal()
                #expect(refusal.reason == .handshakeFailed)
            }
            try await server.checkAlive()
        }
    }

    @Test func acceptingIsMetered() async throws {
        var limits = LinkLimits()
        limits.acceptBurst = 3
        limits.acceptsPerSecond = 0
        try await withServer(limits: limits) { server in
            for _ in 0..<3 { try await server.checkAlive() }
            await #expect(throws: LinkError.self) { try await server.checkAlive() }
            let refusal = try await server.nextRefusal()
            #expect(refusal.reason == .acceptRate)
        }
    }

    @Test func aTakenPortIsNamed() async throws {
        try await withServer { server in
            let context = try server.certificates.serverContext()
            do {
                try await LinkServer.run(
                    host: "127.0.0.1", port: server.port, context: context, logger: testLogger
                ) { _ in }
                Issue.record("two servers listen on one port")
            } catch let error as LinkError {
                #expect(error.code == .addressInUse)
                #expect(error.message.contains("127.0.0.1:\(server.port)"))
            }
        }
    }
}
