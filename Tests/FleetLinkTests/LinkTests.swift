import FleetLink
import Testing

@Suite(.timeLimit(.minutes(2))) struct LinkTests {
    @Test func framesOfEverySizeGoThereAndBack() async throws {
        try await withServer { server in
            let connection = try await server.connect()
            #expect(connection.peer.commonName == "spark")
            #expect(connection.remoteAddress == "127.0.0.1:\(server.port)")
            connection.setFrameLimit(1 << 20)
            let frames = connection.inbound.makeAsyncIterator()
            for size in [0, 1, 4_096] {
                let payload = Array(repeating: UInt8(size & 0xFF), count: size)
                connection.send(payload, lane: .control)
                #expect(try await frames.next() == payload)
            }
            // The echo promoted us before it read.
            var generator = SplitMix(state: 5)
            let large = (0..<(1 << 20)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            connection.send(large, lane: .control)
            #expect(try await frames.next() == large)
            #expect(
                connection.send(Array(repeating: 0, count: (1 << 20) + 1), lane: .control)
                    == .tooLarge)
            connection.close()
            #expect(try await connection.closed() == nil)
            #expect(try await frames.next() == nil)
        }
    }

    @Test func twentyConnectionsAtOnce() async throws {
        try await withServer { server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let connection = try await server.connect()
                        connection.setFrameLimit(1 << 20)
                        for index in 0..<50 {
                            let size = (index * 37 + number) % 3_000
                            connection.send(
                                [UInt8(number), UInt8(index)]
                                    + Array(repeating: 3, count: size), lane: .control)
                        }
                        var count = 0
                        for try await frame in connection.inbound {
                            try #require(frame.starts(with: [UInt8(number), UInt8(count)]))
                            count += 1
                            if count == 50 { break }
                        }
                        #expect(count == 50)
                        connection.close()
                        #expect(try await connection.closed() == nil)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func aConsumerThatLagsIsNotOverrun() async throws {
        var limits = LinkLimits()
        limits.inboundFrames = 50
        let total = 3_000
        let (results, sink) = AsyncStream.makeStream(of: (peak: Int, received: Int).self)
        try await withServer(
            limits: limits,
            handler: { connection in
                var peak = 0
                while peak < 50, !Task.isCancelled {
                    peak = max(peak, connection.waitingFrames)
                    await Task.yield()
                }
                var received = 0
                do {
                    for try await frame in connection.inbound {
                        peak = max(peak, connection.waitingFrames)
                        if frame != [UInt8(received & 0xFF), UInt8(received >> 8)] { break }
                        received += 1
                    }
                } catch {}
                sink.yield((peak, received))
            }
        ) { server in
            let connection = try await server.connect()
            for index in 0..<total {
                let payload = [UInt8(index & 0xFF), UInt8(index >> 8)]
                #expect(connection.send(payload, lane: .control) == .queued)
            }
            // A clean end: all of it must still arrive.
            connection.close()
            for await result in results {
                #expect(result.peak == 50)
                #expect(result.received == total)
                break
            }
        }
    }

    @Test func aPeerThatNeverReadsMakesUsStuckNotFat() async throws {
        var limits = LinkLimits()
        limits.inboundFrames = 1
        try await withServer(
            limits: limits,
            handler: { connection in
                connection.setFrameLimit(1 << 20)
                connection.send([], lane: .control)
                _ = try? await connection.closed()
            }
        ) { server in
            let connection = try await server.connect()
            _ = try await firstFrame(connection)
            let payload = Array(repeating: UInt8(0), count: 512 << 10)
            var sent = 0
            while connection.send(payload, lane: .control) == .queued {
                sent += payload.count
                try #require(sent < 64 << 20)
                await Task.yield()
            }
            let error = try await connection.closed()
            #expect(error?.code == .stuck)
        }
    }

    @Test func controlOvertakesBulkOnASocket() async throws {
        var limits = LinkLimits()
        limits.inboundFrames = 1
        let (orders, sink) = AsyncStream.makeStream(of: [UInt8].self)
        let (starts, start) = AsyncStream.makeStream(of: Void.self)
        try await withServer(
            limits: limits,
            handler: { connection in
                connection.setFrameLimit(1 << 20)
                connection.send([], lane: .control)
                for await _ in starts { break }
                var order: [UInt8] = []
                do {
                    for try await frame in connection.inbound {
                        order.append(frame.first ?? 0)
                        if order.count == 17 { break }
                    }
                } catch {}
                sink.yield(order)
            }
        ) { server in
            let connection = try await server.connect()
            _ = try await firstFrame(connection)
            connection.addCredit(8 << 20)
            let chunk = Array(repeating: UInt8(2), count: 65_000)
            for _ in 0..<16 { #expect(connection.send(chunk, lane: .bulk) == .queued) }
            connection.send([1], lane: .control)
            start.yield()
            for await order in orders {
                #expect(order.count == 17)
                let position = try #require(order.firstIndex(of: 1))
                #expect(position < 16, "control came last")
                break
            }
        }
    }

    @Test func aRenewedCertificateIsUsedFromTheNextConnection() async throws {
        let certificates = try Certificates.shared()
        let current = Box(try certificates.serverContext())
        try await withServer(context: { current.current }) { server in
            let before = try await server.connect()
            current.current = try certificates.serverContext(certificates.renewedServer)
            let after = try await server.connect()
            #expect(before.peer.serial != after.peer.serial)
            // The old connection goes on.
            before.send([5], lane: .control)
            #expect(try await firstFrame(before) == [5])
        }
    }

    @Test func aWrongServerNameIsRefused() async throws {
        try await withServer { server in
            do {
                _ = try await server.connect(serverName: "other.test")
                Issue.record("a wrong name was taken")
            } catch { #expect((error as? LinkError)?.code == .handshakeFailed) }
            let refusal = try await server.nextRefusal()
            #expect(refusal.reason == .refusedByPeer)
        }
    }

    @Test func nobodyListens() async throws {
        let certificates = try Certificates.shared()
        let context = try certificates.clientContext()
        let port = try await withServer { $0.port }
        do {
            _ = try await LinkClient.connect(
                host: "127.0.0.1", port: port, serverName: "spark.test", context: context,
                logger: testLogger)
            Issue.record("connected to nobody")
        } catch { #expect((error as? LinkError)?.code == .connectFailed) }
    }

    @Test func withConnectionClosesAlsoAfterAnError() async throws {
        struct Stop: Error {}
        let (ends, sink) = AsyncStream.makeStream(of: Bool.self)
        try await withServer(handler: { connection in
            do {
                for try await _ in connection.inbound {}
                sink.yield(true)
            } catch { sink.yield(false) }
        }) { server in
            let context = try server.certificates.clientContext()
            await #expect(throws: Stop.self) {
                try await LinkClient.withConnection(
                    host: "127.0.0.1", port: server.port, serverName: "127.0.0.1",
                    context: context, logger: testLogger
                ) { _ in throw Stop() }
            }
            for await isClean in ends {
                #expect(isClean)
                break
            }
        }
    }

    @Test func cancellingTheServerEndsItsConnections() async throws {
        let (connections, sink) = AsyncStream.makeStream(of: LinkConnection.self)
        try await withServer { server in
            let connection = try await server.connect()
            // Our handshake is over before the server's: one frame there and back ends both.
            connection.send([1], lane: .control)
            let answer = try await firstFrame(connection)
            #expect(answer == [1])
            sink.yield(connection)
        }
        sink.finish()
        for await connection in connections {
            #expect(try await connection.closed() == nil)
            #expect(connection.send([1], lane: .control) == .closed)
        }
    }

    @Test func aDroppedConnectionCloses() async throws {
        let (ends, sink) = AsyncStream.makeStream(of: Void.self)
        try await withServer(handler: { connection in
            _ = try? await connection.closed()
            sink.yield()
        }) { server in
            _ = try await server.connect()
            for await _ in ends { break }
        }
    }
}
