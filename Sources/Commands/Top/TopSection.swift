import Foundation

/// A cell of a list: what it says, and what it is sorted by.
struct TopCell: Sendable {
    /// What is shown.
    var text: String
    /// What numbers are sorted by; nil sorts by the text.
    var number: Double?

    /// Creates a cell of words.
    init(_ text: String?) { self.text = text ?? "-" }

    /// Creates a cell of a number, which is shown in a form of its own.
    init(_ number: Double?, _ text: String) {
        self.number = number
        self.text = text
    }

    /// The time since a moment.
    static func age(_ from: Timestamp?, to: Timestamp? = nil, now: Date) -> TopCell {
        let seconds = from?.date.map { (to?.date ?? now).timeIntervalSince($0) }
        return TopCell(seconds, Humane.span(from, to, now: now))
    }

    /// A measured value.
    static func measured(_ value: Loose?, _ unit: String) -> TopCell {
        TopCell(value?.number, Humane.whole(value?.number, unit))
    }
}

/// A row of a list.
struct TopRow: Sendable {
    /// What it is about.
    var target: TopTarget
    /// Its cells, one for each column.
    var cells: [TopCell]
}

/// The order of a list.
struct TopSort: Hashable, Sendable {
    /// The column's header.
    var column: String
    /// Whether the largest comes first.
    var isDown: Bool
}

/// A list with its header.
struct TopSection: Sendable {
    /// The columns.
    var columns: [Table.Column]
    /// The rows.
    var rows: [TopRow]
    /// What is said in place of no row.
    var empty: String

    /// Only the rows that have the text, in any case; a text after `!` is one they do not have.
    mutating func filter(_ text: String) {
        let isInverse = text.hasPrefix("!")
        let wanted = (isInverse ? String(text.dropFirst()) : text).lowercased()
        guard !wanted.isEmpty else { return }
        rows.removeAll { row in
            let line = row.cells.map(\.text).joined(separator: " ").lowercased()
            return line.contains(wanted) == isInverse
        }
    }

    /// Orders the rows; equal ones stay as they were.
    mutating func sort(by sort: TopSort) {
        guard let column = columns.firstIndex(where: { $0.header == sort.column }) else { return }
        let keyed = rows.enumerated().sorted { a, b in
            switch Self.order(a.element.cells[column], b.element.cells[column]) {
            case 0: a.offset < b.offset
            case let order: (order < 0) != sort.isDown
            }
        }
        rows = keyed.map(\.element)
        columns[column].header += sort.isDown ? "↓" : "↑"
    }

    /// Below zero when a comes before b; what is unknown comes first.
    private static func order(_ a: TopCell, _ b: TopCell) -> Int {
        if a.number != nil || b.number != nil {
            let (x, y) = (a.number ?? -.infinity, b.number ?? -.infinity)
            return x < y ? -1 : x > y ? 1 : 0
        }
        return a.text < b.text ? -1 : a.text > b.text ? 1 : 0
    }
}
