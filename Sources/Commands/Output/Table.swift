/// Rows of text in aligned columns that fit the width they are given.
struct Table: Sendable {
    /// One column.
    struct Column: Sendable {
        /// The header, upper case.
        var header: String
        /// Whether numbers stand here, aligned to the right.
        var isNumber = false
        /// How narrow it may become when space is short; nil keeps its natural width.
        var shrinksTo: Int?
        /// Whether it breaks over up to three lines instead of being cut.
        var wraps = false
        /// Whether it is shown in the wide form only.
        var isWide = false
        /// Whether a state stands here, shown in its colour.
        var isState = false
        /// Whether it changes all the time, which a watch does not call a change.
        var isVolatile = false

        /// Creates a column.
        init(
            _ header: String, isNumber: Bool = false, shrinksTo: Int? = nil, wraps: Bool = false,
            isWide: Bool = false, isState: Bool = false, isVolatile: Bool = false
        ) {
            self.header = header
            self.isNumber = isNumber
            self.shrinksTo = shrinksTo
            self.wraps = wraps
            self.isWide = isWide
            self.isState = isState
            self.isVolatile = isVolatile
        }
    }

    /// The columns, those of the wide form included.
    var columns: [Column]
    /// The rows, one text for each column.
    var rows: [[String]]

    private static let gap = 2
    private static let lineLimit = 3

    /// Creates a table; cells are made harmless for a terminal.
    init(columns: [Column], rows: [[String]]) {
        self.columns = columns
        self.rows = rows.map { $0.map { SafeText.line($0) } }
    }

    /// Makes the lines; `width` nil is the wide form: every column, nothing cut.
    func lines(width: Int?, header: Bool = true, style: Style) -> [String] {
        let (top, blocks) = blocks(width: width, style: style)
        return (header ? [top] : []) + blocks.flatMap { $0 }
    }

    /// The header line, and the lines of each row.
    func blocks(width: Int?, style: Style) -> (header: String, rows: [[String]]) {
        let shown = columns.indices.filter { width == nil || !columns[$0].isWide }
        let widths = widths(shown, fitting: width)
        let cells = zip(shown, widths).map {
            cell(columns[$0].header.truncated(to: $1), $1, columns[$0])
        }
        let header = style.paint(Self.joined(cells), .strong)
        return (header, rows.map { lines(of: $0, shown, widths, isWide: width == nil, style) })
    }

    /// Single rows, for a screen that shows few of many.
    struct Singles {
        let header: String
        fileprivate let make: (Int, Style) -> String
        fileprivate let style: Style

        /// A row in its colours.
        func row(_ index: Int) -> String { make(index, style) }
        /// A row without colours.
        func plainRow(_ index: Int) -> String { make(index, .none) }
    }

    /// The header, and each row on one line, made when it is asked for.
    func singles(width: Int, style: Style) -> Singles {
        let shown = Array(columns.indices)
        let widths = widths(shown, fitting: width, lastFirst: true)
        let cells = zip(shown, widths).map {
            cell(columns[$0].header.truncated(to: $1), $1, columns[$0])
        }
        return Singles(
            header: style.paint(Self.joined(cells), .strong),
            make: { lines(of: rows[$0], shown, widths, isWide: false, $1).first ?? "" },
            style: style)
    }

    /// What a row says apart from what changes all the time.
    func steady(_ row: [String]) -> [String] {
        columns.indices.filter { !columns[$0].isVolatile }.map { text(row, $0) }
    }

    private static func joined(_ cells: [String]) -> String {
        cells.joined(separator: String(repeating: " ", count: gap)).trimmingTrailingSpaces()
    }

    private func text(_ row: [String], _ column: Int) -> String {
        column < row.count ? row[column] : ""
    }

    /// Natural widths, then taken from the columns that may shrink, then from the widest ones.
    private func widths(
        _ shown: [Int], fitting width: Int?, lastFirst: Bool = false
    ) -> [Int] {
        var widths = shown.map { column in
            rows.reduce(columns[column].header.displayWidth) {
                max($0, text($1, column).displayWidth)
            }
        }
        guard let width else { return widths }
        var excess = widths.reduce(0, +) + Self.gap * max(0, shown.count - 1) - width
        let wrapping = shown.indices.filter { columns[shown[$0]].wraps }
        let order = wrapping + shown.indices.filter { !columns[shown[$0]].wraps }
        for index in lastFirst ? order.reversed() : order {
            guard excess > 0, let least = columns[shown[index]].shrinksTo else { continue }
            let cut = min(excess, max(0, widths[index] - least))
            widths[index] -= cut
            excess -= cut
        }
        while excess > 0, let widest = widths.indices.max(by: { widths[$0] < widths[$1] }),
            widths[widest] > 1
        {
            widths[widest] -= 1
            excess -= 1
        }
        return widths
    }

    private func lines(
        of row: [String], _ shown: [Int], _ widths: [Int], isWide: Bool, _ style: Style
    ) -> [String] {
        let parts = zip(shown, widths).map { column, width in
            columns[column].wraps && !isWide
                ? text(row, column).wrapped(to: width, limit: Self.lineLimit)
                : [text(row, column).truncated(to: width)]
        }
        let height = parts.map(\.count).max() ?? 1
        return (0..<height).map { line in
            let cells = parts.indices.map { index in
                let column = columns[shown[index]]
                let text = line < parts[index].count ? parts[index][line] : ""
                let padded = cell(text, widths[index], column)
                guard column.isState else { return padded }
                return style.paint(padded, Style.Tone(state: self.text(row, shown[index])))
            }
            return Self.joined(cells)
        }
    }

    private func cell(_ text: String, _ width: Int, _ column: Column) -> String {
        let padding = String(repeating: " ", count: max(0, width - text.displayWidth))
        return column.isNumber ? padding + text : text + padding
    }
}
