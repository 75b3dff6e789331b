/// A bar that shows a share: `[████░░░░] 48 %`, or `[####----] 48 %` where people want it plain.
struct ProgressBar: Sendable {
    /// Whether it is drawn with what every terminal has.
    let isPlain: Bool

    private static let cells = 8...20
    /// What stands beside the cells at most: the brackets and ` 100 %`.
    private static let frame = 8

    /// Decides by the locale and the environment, as colours do, and by `--no-color`.
    init(environment: [String: String], refused: Bool) {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }
            .first { !$0.isEmpty }
        let encoding = (locale ?? "").lowercased().replacing("-", with: "")
        isPlain =
            refused || !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
            || !encoding.contains("utf8")
    }

    /// The bar of a share from 0 to 1, as wide as there is room, within reason.
    func text(_ share: Double, columns: Int) -> String {
        let share = share.isFinite ? min(1, max(0, share)) : 0
        let cells = min(max(columns - Self.frame, Self.cells.lowerBound), Self.cells.upperBound)
        let full = Int(share * Double(cells))
        let (done, left) = isPlain ? ("#", "-") : ("█", "░")
        let bar =
            String(repeating: done, count: full) + String(repeating: left, count: cells - full)
        return "[\(bar)] \(Humane.whole(share * 100, " %"))"
    }
}
