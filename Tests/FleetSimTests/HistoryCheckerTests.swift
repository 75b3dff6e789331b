import FleetCore
import FleetSim
import Testing

/// Every rule of the history can be seen to be broken, and a sound history breaks none.
@Suite struct HistoryCheckerTests {
    /// A history written down as `kind name from to reason`, numbered from 1.
    private func judge(_ lines: [String], numbers: [UInt64]? = nil) -> [Invariant] {
        var checker = HistoryChecker()
        for (index, line) in lines.enumerated() {
            let words = line.split(separator: " ", maxSplits: 4).map(String.init)
            func word(_ place: Int) -> String? {
                words.count > place && words[place] != "-" ? words[place] : nil
            }
            var event = FleetEvent(
                sequence: numbers?[index] ?? UInt64(index + 1),
                at: Instant(nanoseconds: Int64(index) * 1_000_000_000), kind: .job,
                from: word(2), to: word(3), reason: word(4))
            switch words[0] {
            case "job": event.job = word(1).map { JobID($0) }
            case "roamer":
                event.kind = .roamer
                event.node = NodeName(words[1])
            case "node":
                event.kind = .node
                event.node = NodeName(words[1])
            default: event.kind = .fleet
            }
            checker.take(event)
        }
        return checker.violations.map(\.invariant)
    }

    @Test func `a sound history breaks nothing`() {
        let lines = [
            "job a - queued accepted", "job a queued assigned", "job a assigned running",
            "node n ready suspect", "job a running running second copy",
            "job a running queued moved", "job a queued assigned", "job a assigned provisioning",
            "job a provisioning running", "job a running failed",
            "job a failed queued asked for again",
            "job a queued cancelled", "roamer r IDLE ASSIGNED", "roamer r ASSIGNED PROVISIONING",
            "roamer r PROVISIONING RUNNING", "roamer r RUNNING CLEANUP", "roamer r CLEANUP IDLE",
        ]
        #expect(judge(lines) == [])
    }

    @Test(arguments: [
        (["job a - queued", "job a assigned running"], Invariant.events),
        (["job a - running", "job a running succeeded", "job a succeeded queued"], .resultOnce),
        (["job a - running", "job a running succeeded", "job a succeeded failed"], .resultOnce),
        (["job a - queued", "job a queued running"], .transitions),
        (["job a - queued", "job - queued assigned"], .events),
        (["job a - nonsense"], .events),
        (["roamer r IDLE RUNNING"], .transitions),
        (["roamer r RUNNING IDLE"], .transitions),
        (["roamer r IDLE ASSIGNED", "roamer r IDLE ASSIGNED"], .events),
        (["roamer r IDLE nonsense"], .events),
        (["node n lost suspect"], .transitions),
    ])
    func `a broken history is seen`(lines: [String], broken: Invariant) {
        #expect(judge(lines).contains(broken))
    }

    @Test func `a gap and a step back are seen`() {
        let lines = ["job a - queued", "job b - queued"]
        #expect(judge(lines, numbers: [4, 5]) == [])
        #expect(judge(lines, numbers: [4, 6]) == [.events])
        #expect(judge(lines, numbers: [4, 4]) == [.events])
    }

    @Test func `a node that left the pool may come back as a new roamer`() {
        let lines = [
            "roamer r IDLE ASSIGNED", "fleet - - -", "roamer r CLEANUP IDLE",
        ]
        #expect(judge(lines) == [])
    }
}
