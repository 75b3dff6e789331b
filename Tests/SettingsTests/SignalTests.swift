import Settings
import Testing

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
}
