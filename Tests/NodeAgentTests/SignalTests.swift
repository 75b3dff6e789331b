import Testing

@testable import NodeAgent

@Suite struct SignalTests {
    @Test func aNudgeIsKept() async {
        let signal = Signal()
        signal.nudge()
        await signal.wait()
        await signal.wait(atMost: .milliseconds(5))
    }

    @Test func aTimedWaitLeavesNoNudgeBehind() async {
        let signal = Signal()
        signal.nudge()
        await signal.wait(atMost: .seconds(60))
        let begin = ContinuousClock.now
        await signal.wait(atMost: .milliseconds(50))
        #expect(ContinuousClock.now - begin >= .milliseconds(45))
    }

    @Test func aCancelledWaitEnds() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await Signal().wait() }
            group.addTask { await Signal().wait(atMost: .seconds(60)) }
            group.cancelAll()
        }
    }

    @Test func theLatestValueIsWaitedFor() async throws {
        let latest = Latest(0)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for wanted in 1...5 {
                group.addTask { try await latest.wait { $0 >= wanted } }
            }
            for value in 1...5 { latest.set(value) }
            for try await value in group { #expect((1...5).contains(value)) }
        }
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await latest.wait { $0 == 99 }) == nil }
            group.cancelAll()
            #expect(await group.next() == true)
        }
    }
}
