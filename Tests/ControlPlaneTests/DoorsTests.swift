import Synchronization
import Testing

@testable import ControlPlane

@Suite struct DoorsTests {
    @Test func onlyTheLastDoorTells() {
        final class Count: Sendable { let value = Atomic<Int>(0) }
        let told = Count()
        let doors = Doors(3) { told.value.add(1, ordering: .relaxed) }
        doors.opened()
        doors.opened()
        #expect(told.value.load(ordering: .relaxed) == 0)
        doors.opened()
        #expect(told.value.load(ordering: .relaxed) == 1)
    }
}
