import FleetCore

/// What a recorded history came to.
package struct HistoryVerdict: Sendable {
    /// Events read.
    package var events = 0
    /// Lines that were no events, with why; bounded.
    package var mistakes: [String] = []
    /// Invariants broken, bounded.
    package var violations: [(invariant: Invariant, text: String)] = []
    /// Jobs that have not ended by the end of the history.
    package var open: [String] = []

    /// Judges lines, one event each; empty ones are passed over.
    package static func judge(_ lines: some Sequence<String>) -> HistoryVerdict {
        var verdict = HistoryVerdict()
        var checker = HistoryChecker()
        for (index, line) in lines.enumerated() where !line.allSatisfy(\.isWhitespace) {
            do {
                guard let event = try EventRecord.parse(line) else { continue }
                checker.take(event)
            } catch {
                if verdict.mistakes.count < 20 {
                    verdict.mistakes.append("line \(index + 1): \(error)")
                }
            }
        }
        verdict.events = checker.count
        verdict.violations = checker.violations
        verdict.open = checker.openJobs.map(\.rawValue)
        return verdict
    }
}
