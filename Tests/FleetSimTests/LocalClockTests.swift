import FleetCore
import Testing

@testable import FleetSim

@Suite struct LocalClockTests {
    @Test(arguments: [Int64(-10_000), -1_000, -1, 0, 1, 10_000])
    func `a clock that runs too slow or too fast never goes back`(drift: Int64) {
        let start: Int64 = 1_000_000_000
        let clock = LocalClock(
            showing: Instant(nanoseconds: 7), at: Instant(nanoseconds: start), driftPPM: drift)
        let day: Int64 = 86_400_000_000_000
        // Its parts per million are counted by the millisecond: there it could slip.
        for edge in [1_000_000, 2_000_000, day, 30 * day] {
            var last = clock.local(Instant(nanoseconds: start + edge - 3))
            for step in -2...3 as ClosedRange<Int64> {
                let world = Instant(nanoseconds: start + edge + step)
                let shown = clock.local(world)
                #expect(shown >= last)
                #expect(clock.local(clock.world(shown)) >= shown)
                last = shown
            }
            let passed = clock.local(Instant(nanoseconds: start + edge)).nanoseconds - 7
            #expect(passed == edge + edge / 1_000_000 * drift)
        }
    }
}
