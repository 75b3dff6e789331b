/// Prints what the controller sent in the form that was asked for.
struct Printer {
    let session: Session
    let options: OutputOptions

    /// One object; `human` makes the lines for people.
    func object(_ value: JSONValue, human: () -> [String]) {
        switch options.output {
        case .table, .wide: session.out(human())
        case .json: session.out(value.pretty())
        case .jsonl: session.out(value.compact)
        case .yaml: session.out(value.yaml)
        case .name: session.out(value.identity.map { SafeText.line($0) } ?? "-")
        }
    }

    /// A list; `table` makes the table for people.
    func list(_ items: [JSONValue], next: JSONValue, empty: String, table: () -> Table) {
        switch options.output {
        case .table, .wide:
            guard !items.isEmpty else { return session.note(empty) }
            session.out(lines(table()))
        case .json: session.out(Self.envelope(items, next).pretty())
        case .jsonl: session.out(items.map(\.compact))
        case .yaml: session.out(Self.envelope(items, next).yaml)
        case .name: session.out(items.map { SafeText.line($0.identity ?? "-") })
        }
    }

    /// The table's lines in the width at hand.
    func lines(_ table: Table, header: Bool = true) -> [String] {
        table.lines(
            width: options.output == .wide ? nil : session.width,
            header: header && !options.noHeaders, style: session.style)
    }

    private static func envelope(_ items: [JSONValue], _ next: JSONValue) -> JSONValue {
        .object([.init("items", .array(items)), .init("next", next)])
    }
}
