import FleetCore
import FleetSim
import Testing

/// The lines that `jctl events -o jsonl` writes, and all that may come in their place.
@Suite struct HistoryVerdictTests {
    private let queued =
        #"{"seq":7,"at":"2026-11-25T07:55:22.489Z","type":"job.state","job":"j1","to":"queued"}"#
    private let assigned = """
        {"seq":8,"at":"2026-11-25T07:55:22.489Z","type":"job.state","job":"j1","from":"queued",\
        "to":"assigned","attempt":1,"node":"agx-01","durationSeconds":0.011}
        """

    @Test func `real lines are read`() {
        let verdict = HistoryVerdict.judge([queued, "", assigned])
        #expect(verdict.events == 2)
        #expect(verdict.mistakes.isEmpty)
        #expect(verdict.violations.isEmpty)
        #expect(verdict.open == ["j1"])
    }

    @Test func `an event of a newer type is passed over`() {
        let newer = #"{"seq":7,"at":"2026-11-25T07:55:22Z","type":"moon.state","job":"j1"}"#
        let verdict = HistoryVerdict.judge([newer])
        #expect(verdict.events == 0)
        #expect(verdict.mistakes.isEmpty)
    }

    @Test(arguments: [
        "nonsense", "{}", "[]", #"{"seq":-1}"#, #"{"seq":1,"at":"noon","type":"job.state"}"#,
        #"{"seq":1,"at":7,"type":"job.state"}"#,
        #"{"seq":99999999999999999999,"at":"2026-11-25T07:55:22Z","type":"job.state"}"#,
        #"{"seq":1,"at":"99999-11-25T07:55:22Z","type":"job.state","job":"a","to":"queued"}"#,
    ])
    func `a damaged line is named and harms nothing`(line: String) {
        let verdict = HistoryVerdict.judge([line])
        #expect(verdict.events == 0)
        #expect(verdict.mistakes.count == 1)
        #expect(verdict.mistakes.first?.hasPrefix("line 1: ") == true)
    }

    @Test func `cut and changed lines never trap`() {
        var random = SeededGenerator(seed: 5)
        let bytes = Array(assigned.utf8)
        for _ in 0..<3_000 {
            var changed = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<changed.count, using: &random)
                changed[place] = UInt8.random(in: 0...255, using: &random)
            }
            changed = Array(changed.prefix(Int.random(in: 0...changed.count, using: &random)))
            _ = HistoryVerdict.judge([String(decoding: changed, as: UTF8.self)])
        }
    }

    @Test func `a line beyond the bound is refused`() {
        let long = String(repeating: " ", count: EventRecord.lineLimit) + queued
        #expect(HistoryVerdict.judge([long]).mistakes.count == 1)
    }
}
