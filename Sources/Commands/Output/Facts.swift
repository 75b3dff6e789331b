/// Names and values under each other, as `describe` shows them.
struct Facts {
    private var pairs: [(name: String, value: String)] = []

    /// Adds a fact; one without a value is left out.
    mutating func add(_ name: String, _ value: String?) {
        guard let value, !value.isEmpty else { return }
        pairs.append((name, value))
    }

    /// The lines, values aligned and wrapped to the width.
    func lines(width: Int, style: Style) -> [String] {
        let column = (pairs.map(\.name.displayWidth).max() ?? 0) + 3
        return pairs.flatMap { name, value in
            let room = max(20, width - column)
            let parts = SafeText.block(value).split(separator: "\n").flatMap {
                String($0).displayWidth <= room ? [String($0)] : $0.wrapped(to: room, limit: 8)
            }
            return parts.enumerated().map { index, part in
                let label = index == 0 ? name + ":" : ""
                let padding = String(repeating: " ", count: max(0, column - label.displayWidth))
                return style.paint(label, .strong) + padding + part
            }
        }
    }
}
