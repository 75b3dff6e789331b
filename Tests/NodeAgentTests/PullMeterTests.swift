import DockerEngine
import FleetCore
import Testing

@testable import NodeAgent

@Suite struct PullMeterTests {
    private let start = ContinuousClock.now

    private func progress(
        _ done: Int64, of total: Int64, phase: String = "downloading", isTotalKnown: Bool = true
    ) -> PullProgress {
        var progress = PullProgress()
        progress.bytesDone = done * 1_000_000
        progress.bytesTotal = total * 1_000_000
        progress.layersDone = 5
        progress.layersTotal = 9
        progress.isTotalKnown = isTotalKnown
        progress.phase = phase
        return progress
    }

    @Test func `bytes and layers are told, and the time left once the speed is known`() {
        var meter = PullMeter()
        let texts = (0...4).map { second in
            let done = progress(1_000 + Int64(second) * 60, of: 3_400)
            return meter.note(done, at: start + .seconds(second))?.text
        }
        #expect(
            texts == [
                "pulling: 1.0 of 3.4 GB, 5 of 9 layers",
                "pulling: 1.0 of 3.4 GB, 5 of 9 layers",
                "pulling: 1.1 of 3.4 GB, 5 of 9 layers",
                "pulling: 1.1 of 3.4 GB, 5 of 9 layers, about 35 s left",
                "pulling: 1.2 of 3.4 GB, 5 of 9 layers, about 35 s left",
            ])
        #expect(meter.note(progress(1_300, of: 3_400), at: start + .milliseconds(4_900)) == nil)
    }

    @Test func `the time left follows the speed of late`() {
        var meter = PullMeter()
        func told(_ done: Int64, _ second: Int, isTotalKnown: Bool = true) -> String? {
            let now = progress(done, of: 10_000, isTotalKnown: isTotalKnown)
            return meter.note(now, at: start + .seconds(second))?.text
                .split(separator: ", ").last.map(String.init)
        }
        for second in 0..<20 { _ = told(Int64(second) * 100, second) }
        #expect(told(2_000, 20) == "about 1 min left")
        // It stands still.
        #expect(told(2_000, 25, isTotalKnown: false) == "at least 3 min left")
        #expect(told(2_000, 35) == "5 of 9 layers")
    }

    @Test func `what has no size yet, and what is unpacked, has no time`() {
        #expect(PullMeter.words(PullProgress()) == Progress(text: "pulling: resolving"))
        var meter = PullMeter()
        _ = meter.note(progress(10, of: 900), at: start)
        let step = meter.note(progress(450, of: 900, phase: "extracting"), at: start + .seconds(9))
        #expect(
            step == Progress(fraction: 0.5, text: "unpacking: 450 of 900 MB, 5 of 9 layers"))
    }
}
