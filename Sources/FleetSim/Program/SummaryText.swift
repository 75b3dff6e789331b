import FleetCore
import Foundation

extension Campaign.Summary {
    /// Hours of virtual time.
    var hours: Double { Double(tally.nanoseconds) / 3.6e12 }
    /// Hours of virtual time times nodes.
    var nodeHours: Double { tally.nodeNanoseconds / 3.6e12 }

    /// The summary for people.
    func text(took: Duration, workers: Int) -> String {
        let seconds = max(took.inSeconds, 0.001)
        let rate = hours / seconds / Double(max(workers, 1))
        var lines = [
            "seeds       \(seeds)",
            "violations  \(violations.count)",
            String(
                format: "virtual     %.1f fleet-hours, %.0f node-hours", hours, nodeHours),
            String(
                format: "speed       %.1f fleet-hours per second and processor (%.1f s in all)",
                rate,
                seconds),
            "steps       \(tally.steps) of the machines, \(tally.frames) frames, \(tally.commits) commits",
            "jobs        \(tally.jobs) accepted",
            "faults      \(tally.faultCount)",
        ]
        for kind in FaultKind.allCases where tally.faults(kind) > 0 {
            let name = kind.rawValue.padding(toLength: 22, withPad: " ", startingAt: 0)
            lines.append("  \(name)\(tally.faults(kind))")
        }
        lines.append("hash        \(String(hash, radix: 16))")
        return lines.joined(separator: "\n")
    }

    /// The summary for programs.
    func json(took: Duration) -> String {
        var faults: [String: UInt64] = [:]
        for kind in FaultKind.allCases { faults[kind.rawValue] = tally.faults(kind) }
        let form = SummaryForm(
            seeds: seeds,
            violations: violations.map { .init(seed: $0.seed, violation: $0.violation) },
            fleetHours: hours, nodeHours: nodeHours, seconds: took.inSeconds, steps: tally.steps,
            frames: tally.frames, commits: tally.commits, jobs: tally.jobs,
            faultCount: tally.faultCount, faults: faults, hash: String(hash, radix: 16))
        return JSONLine.encode(form)
    }
}

/// The summary as JSON.
private struct SummaryForm: Encodable {
    struct Broken: Encodable {
        var seed: UInt64
        var violation: Violation
    }
    var seeds: Int
    var violations: [Broken]
    var fleetHours: Double
    var nodeHours: Double
    var seconds: Double
    var steps: UInt64
    var frames: UInt64
    var commits: UInt64
    var jobs: UInt64
    var faultCount: UInt64
    var faults: [String: UInt64]
    var hash: String
}

/// One value as one line of JSON.
enum JSONLine {
    static func encode(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }
}
