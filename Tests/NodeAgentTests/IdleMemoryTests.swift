import Synchronization
import Testing

@testable import NodeAgent

@Suite struct IdleMemoryTests {
    /// A machine whose memory in use is what the test says.
    private final class Machine: Sendable {
        let used = Mutex<UInt64?>(2_000_000_000)
        func uses(_ bytes: UInt64?) { used.withLock { $0 = bytes } }
    }
    private let machine = Machine()

    private func memory(margin: UInt64?) -> IdleMemory {
        IdleMemory(margin: margin) { [machine] in machine.used.withLock { $0 } }
    }

    @Test func `what a dead worker left behind is not taken for the machine's own`() {
        let memory = memory(margin: 1_000_000_000)
        memory.nothingRuns()
        memory.workBegins()
        machine.uses(9_000_000_000)
        // Its container is gone, and a driver holds what it had.
        memory.nothingRuns()
        #expect(
            memory.leftover()
                == "memory: 7000 MB more in use than when the node was last idle, and 1000 MB are allowed"
        )
        #expect(memory.beyond == 7_000_000_000)
        machine.uses(2_900_000_000)
        #expect(memory.leftover() == nil)
        machine.uses(1_900_000_000)
        #expect(memory.beyond == 0)
    }

    @Test func `an idle machine may grow, and is measured anew`() {
        let memory = memory(margin: 1_000_000_000)
        memory.nothingRuns()
        machine.uses(5_000_000_000)
        memory.nothingRuns()
        memory.workBegins()
        machine.uses(5_900_000_000)
        #expect(memory.leftover() == nil)
        memory.isClean()
        machine.uses(6_800_000_000)
        #expect(memory.leftover() == nil)
        memory.workBegins()
        machine.uses(7_000_000_000)
        #expect(memory.leftover() != nil)
    }

    @Test func `an agent that comes back compares with what was in use before`() async throws {
        try await withFolder { folder in
            func life(boot: String = "b") -> IdleMemory {
                IdleMemory(
                    margin: 1_000_000_000, file: MemoryFile(path: folder + "/memory", boot: boot)
                ) { [machine] in machine.used.withLock { $0 } }
            }
            let first = life()
            first.nothingRuns()
            first.workBegins()
            machine.uses(9_000_000_000)
            // Its worker is gone, and what it had is still held.
            let second = life()
            second.nothingRuns()
            #expect(second.beyond == 7_000_000_000)
            #expect(second.leftover() != nil)
            second.isClean()
            let third = life()
            third.nothingRuns()
            #expect(third.leftover() == nil)
            third.workBegins()
            machine.uses(20_000_000_000)
            let rebooted = life(boot: "c")
            rebooted.nothingRuns()
            #expect(rebooted.beyond == 0)
        }
    }

    @Test func `nothing is said where nothing is known or it is not looked at`() {
        let unread = memory(margin: 0)
        machine.uses(nil)
        unread.nothingRuns()
        machine.uses(9_000_000_000)
        #expect(unread.leftover() == nil)
        let off = memory(margin: nil)
        off.nothingRuns()
        machine.uses(20_000_000_000)
        #expect(off.leftover() == nil)
        #expect(off.beyond == nil, "it may be the work of another agent")
    }
}
