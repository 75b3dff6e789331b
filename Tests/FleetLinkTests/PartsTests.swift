import FleetLink
import NIOCore
import Testing

@Suite struct LaneQueueTests {
    private func limits(_ change: (inout LinkLimits) -> Void = { _ in }) -> LinkLimits {
        var limits = LinkLimits()
        change(&limits)
        return limits
    }

    @Test func urgentLanesGoFirst() {
        var queue = LaneQueue(limits: limits())
        queue.addCredit(100)
        #expect(queue.enqueue([3], lane: .bulk) == .queued)
        #expect(queue.enqueue([2], lane: .telemetry) == .queued)
        #expect(queue.enqueue([1], lane: .control) == .queued)
        #expect(queue.enqueue([1, 1], lane: .control) == .queued)
        #expect(queue.next() == [1])
        #expect(queue.next() == [1, 1])
        #expect(queue.next() == [2])
        #expect(queue.next() == [3])
        #expect(queue.next() == nil)
    }

    @Test func telemetryKeepsTheLastValue() {
        var queue = LaneQueue(limits: limits())
        for value in 0..<10 { _ = queue.enqueue([UInt8(value)], lane: .telemetry) }
        #expect(queue.next() == [9])
        #expect(queue.next() == nil)
    }

    @Test func bulkWaitsForCreditAndMayOverdrawByOneFrame() {
        var queue = LaneQueue(limits: limits())
        for _ in 0..<3 { _ = queue.enqueue([1, 2, 3, 4], lane: .bulk) }
        #expect(!queue.hasSendable)
        #expect(queue.next() == nil)
        queue.addCredit(5)
        #expect(queue.next() != nil)
        #expect(queue.next() != nil)
        #expect(queue.credit == -3)
        #expect(queue.next() == nil)
        queue.addCredit(3)
        #expect(queue.next() == nil)
        queue.addCredit(1)
        #expect(queue.next() != nil)
    }

    @Test func creditIsHostileInput() {
        var queue = LaneQueue(limits: limits { $0.maximumCredit = 100 })
        queue.addCredit(Int.min)
        queue.addCredit(-1)
        #expect(queue.credit == 0)
        queue.addCredit(Int.max)
        queue.addCredit(Int.max)
        #expect(queue.credit == 100)
    }

    @Test func boundsAreKept() {
        var queue = LaneQueue(
            limits: limits {
                $0.controlFrames = 2
                $0.controlBytes = 10
                $0.bulkBytes = 20
                $0.maximumBulkFrameBytes = 15
                $0.maximumFrameBytes = 30
            })
        #expect(queue.enqueue(Array(repeating: 0, count: 31), lane: .control) == .tooLarge)
        #expect(queue.enqueue(Array(repeating: 0, count: 16), lane: .bulk) == .tooLarge)
        #expect(queue.enqueue(Array(repeating: 0, count: 12), lane: .bulk) == .queued)
        #expect(queue.enqueue([], lane: .bulk) == .full)
        #expect(queue.enqueue(Array(repeating: 0, count: 8), lane: .control) == .queued)
        #expect(queue.enqueue(Array(repeating: 0, count: 3), lane: .control) == .stuck)
        #expect(queue.enqueue([1], lane: .control) == .queued)
        #expect(queue.enqueue([], lane: .control) == .stuck)
        queue.addCredit(100)
        while queue.next() != nil {}
        #expect(queue.enqueue(Array(repeating: 0, count: 12), lane: .bulk) == .queued)
        #expect(queue.enqueue(Array(repeating: 0, count: 10), lane: .control) == .queued)
    }
}

@Suite struct AdmissionTests {
    @Test func unauthenticatedConnectionsAreBounded() {
        var limits = LinkLimits()
        limits.unauthenticatedConnections = 3
        limits.unauthenticatedPerAddress = 2
        limits.connections = 4
        var admission = Admission(limits: limits)
        #expect(admission.admit(from: "a", at: 0) == nil)
        #expect(admission.admit(from: "a", at: 0) == nil)
        #expect(admission.admit(from: "a", at: 0) == .tooManyFromAddress)
        #expect(admission.admit(from: "b", at: 0) == nil)
        #expect(admission.admit(from: "c", at: 0) == .tooManyUnauthenticated)
        admission.handshakeEnded(from: "a")
        #expect(admission.admit(from: "a", at: 0) == nil)
        admission.handshakeEnded(from: "a")
        #expect(admission.admit(from: "a", at: 0) == .tooManyConnections)
        admission.connectionEnded()
        #expect(admission.admit(from: "a", at: 0) == nil)
    }

    @Test func acceptsAreMetered() {
        var limits = LinkLimits()
        limits.acceptBurst = 2
        limits.acceptsPerSecond = 10
        var admission = Admission(limits: limits)
        #expect(admission.admit(from: "a", at: 1_000) == nil)
        #expect(admission.admit(from: "b", at: 1_000) == nil)
        #expect(admission.admit(from: "c", at: 1_000) == .acceptRate)
        #expect(admission.admit(from: "c", at: 99_000_000) == .acceptRate)
        #expect(admission.admit(from: "c", at: 101_000_000) == nil)
        // A clock that does not move, or goes back, gives nothing.
        #expect(admission.admit(from: "d", at: 101_000_000) == .acceptRate)
        #expect(admission.admit(from: "d", at: 1) == .acceptRate)
    }
}

@Suite struct BackoffTests {
    @Test func waitsAreJitteredWithinADoublingBound() {
        var backoff = Backoff(generator: SplitMix(state: 7))
        var bound = Duration.milliseconds(500)
        var waits: Set<Duration> = []
        for _ in 0..<50 {
            let wait = backoff.next()
            #expect(wait >= .zero && wait <= bound)
            waits.insert(wait)
            bound = min(.seconds(5), bound * 2)
        }
        #expect(waits.count > 40)
        #expect(waits.max() ?? .zero > .seconds(4))
        backoff.reset()
        #expect(backoff.next() <= .milliseconds(500))
    }

    @Test func theGeneratorDecides() {
        var first = Backoff(generator: SplitMix(state: 3))
        var second = Backoff(generator: SplitMix(state: 3))
        for _ in 0..<10 { #expect(first.next() == second.next()) }
    }
}

@Suite(.timeLimit(.minutes(1))) struct FrameInboxTests {
    @Test func itPausesAtItsBoundsAndResumesAtHalf() async throws {
        var limits = LinkLimits()
        limits.inboundFrames = 4
        let resumed = Box(0)
        let inbox = FrameInbox(limits: limits) { resumed.current += 1 }
        for value in 0..<4 {
            #expect(inbox.hasRoom())
            inbox.push([UInt8(value)])
        }
        #expect(!inbox.hasRoom())
        #expect(try await inbox.next() == [0])
        #expect(resumed.current == 0)
        #expect(try await inbox.next() == [1])
        #expect(resumed.current == 1)
        #expect(inbox.hasRoom())
    }

    @Test func bytesAreBoundedToo() async throws {
        var limits = LinkLimits()
        limits.inboundBytes = 100
        limits.maximumFrameBytes = 50
        let inbox = FrameInbox(limits: limits) {}
        inbox.push(Array(repeating: 0, count: 50))
        #expect(inbox.hasRoom())
        inbox.push([0])
        #expect(!inbox.hasRoom())
        #expect(inbox.bytes == 51)
    }

    @Test func theEndComesAfterTheFrames() async throws {
        let inbox = FrameInbox(limits: LinkLimits()) {}
        var tail = FrameDecoder(limit: 10)
        var bytes = ByteBuffer()
        Frame.encode([2], into: &bytes)
        bytes.writeBytes([0x4A])
        tail.append(bytes)
        inbox.push([1])
        inbox.finish(nil, tail: tail)
        inbox.push([9])
        #expect(try await inbox.next() == [1])
        #expect(try await inbox.next() == [2])
        await #expect(throws: LinkError.self) { try await inbox.next() }
    }

    @Test func waitingEndsByCancellationAndASecondReaderIsRefused() async throws {
        let inbox = FrameInbox(limits: LinkLimits()) {}
        let outcomes = await withTaskGroup(of: String.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    do {
                        _ = try await inbox.next()
                        return "frame"
                    } catch let error as LinkError {
                        return error.code.rawValue
                    } catch { return "cancelled" }
                }
            }
            let first = await group.next() ?? ""
            group.cancelAll()
            return [first, await group.next() ?? ""]
        }
        #expect(outcomes == ["misuse", "cancelled"])
    }
}
