import Foundation

/// One kind of list: where it is, what of it is wanted, how it looks.
struct Listing<Model: Decodable & Sendable>: Sendable {
    var noun: String
    var resource: Resource
    var topics: [String]
    var limit: Int?
    /// Where the one wanted item is, if it has an address of its own.
    var one: Resource?
    var keep: @Sendable (Model) -> Bool = { _ in true }
    var table: @Sendable ([Model], Date) -> Table

    /// Gets the list.
    func fetch(_ client: APIClient) async throws -> FetchedList<Model> {
        if let one {
            let item = try await client.get(Model.self, one, purpose: "get one of the \(noun)")
            return FetchedList(items: [item], next: .null)
        }
        var list = try await client.list(
            Model.self, resource, limit: limit, purpose: "list \(noun)")
        list.items = list.items.filter { keep($0.model) }
        return list
    }

    /// Prints the list once.
    func show(_ session: Session, _ printer: Printer) async throws {
        let list = try await fetch(try session.client())
        printer.list(list.items.map(\.json), next: list.next, empty: "no \(noun)") {
            table(list.items.map(\.model), session.context.now())
        }
        if list.next != .null, limit != nil, !printer.options.output.isMachine {
            session.note("there may be more \(noun); --limit 0 lists all")
        }
    }

    /// Prints the list, then each item again whenever it has changed, until ^C.
    func watch(_ session: Session, _ printer: Printer) async throws {
        let client = try session.client()
        var shown: [String: [String]] = [:]
        var isFirst = true
        func refresh() async throws {
            let list = try await fetch(client)
            let table = table(list.items.map(\.model), session.context.now())
            let changed = list.items.indices.filter { index in
                let key = list.items[index].json.identity ?? "\(index)"
                return shown.updateValue(table.steady(table.rows[index]), forKey: key)
                    != table.steady(table.rows[index])
            }
            printer.changes(list.items.map(\.json), changed, table, header: isFirst)
            isFirst = false
        }
        let stream = EventStream(client: client, session: session, topics: topics)
        // Each event may be one of many; the list is read once for all that have come by then.
        try await stream.run(connected: refresh) { _ in try await refresh() }
    }
}

extension Printer {
    /// Prints the changed ones among the items.
    func changes(_ items: [JSONValue], _ changed: [Int], _ table: Table, header: Bool) {
        switch options.output {
        case .table, .wide:
            let width = options.output == .wide ? nil : session.width
            let (top, blocks) = table.blocks(width: width, style: session.style)
            if header, !options.noHeaders { session.out(top) }
            session.out(changed.flatMap { blocks[$0] })
        case .json, .jsonl: session.out(changed.map { items[$0].compact })
        case .yaml: session.out(changed.map { "---\n" + items[$0].yaml })
        case .name: session.out(changed.map { SafeText.line(items[$0].identity ?? "-") })
        }
    }
}
