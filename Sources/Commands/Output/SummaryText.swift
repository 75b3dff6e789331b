import Foundation

/// The fleet in two or three lines.
enum SummaryText {
    private static let order = [
        "queued", "assigned", "provisioning", "running", "succeeded", "failed", "cancelled",
        "ready", "suspect", "lost", "total", "idle", "cleanup", "quarantined",
    ]

    /// The lines.
    static func lines(_ summary: Summary) -> [String] {
        let store =
            summary.store?.healthy == false
            ? "store FAILED: " + (summary.store?.error ?? "unknown") : "store healthy"
        let head = [
            "controller \(summary.version ?? "-")", "up " + Humane.duration(summary.uptimeSeconds),
            summary.term?.text.map { "term \($0)" }, summary.store == nil ? nil : store,
        ]
        return [
            head.compactMap { $0 }.joined(separator: ", "),
            "jobs: " + counts(summary.jobs),
            "nodes: " + counts(summary.nodes) + "; roamers: " + counts(summary.roamers),
        ].map { SafeText.line($0) }
    }

    /// The counts that are not zero, in the order of a job's or node's life; then unknown ones.
    private static func counts(_ counts: [String: Int]?) -> String {
        guard let counts else { return "-" }
        let known = order.filter { counts[$0] != nil }
        let unknown = counts.keys.filter { !order.contains($0) }.sorted()
        let parts = (known + unknown).compactMap { name -> String? in
            guard let count = counts[name], count != 0 || name == "total" else { return nil }
            return name == "total" ? "of \(count)" : "\(count) \(name)"
        }
        return parts.isEmpty
            ? "none"
            : parts.joined(separator: ", ")
                .replacing(", of ", with: " of ")
    }
}
