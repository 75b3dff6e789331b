/// One server-sent event.
struct ServerSentEvent: Equatable, Sendable {
    /// The id to resume after; empty when the stream gave none.
    var id = ""
    /// The event's type, `message` when none was given.
    var type = "message"
    /// The data's lines.
    var data = ""
}

/// Reads a server-sent event stream in pieces of any size (WHATWG HTML, "event stream").
struct SSEParser {
    /// A line or an event is longer than a stream may send.
    struct TooLong: Error {}

    private static let byteLimit = 1 << 20
    private var line: [UInt8] = []
    private var skipsLineFeed = false
    private var isFirstLine = true
    private var type = ""
    private var data: [UInt8] = []
    private var hasData = false
    private var id = ""
    /// The id of the last whole block, which a reconnect sends; a cut event's id does not count.
    private(set) var lastID = ""

    /// Creates a parser at the start of a stream.
    init(lastID: String = "") {
        id = lastID
        self.lastID = lastID
    }

    /// Takes the next bytes and answers the events they complete; throws at a line beyond 1 MiB.
    mutating func feed(_ bytes: some Sequence<UInt8>) throws -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            let afterReturn = skipsLineFeed
            skipsLineFeed = false
            switch byte {
            case UInt8(ascii: "\n") where afterReturn:
                continue
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                skipsLineFeed = byte == UInt8(ascii: "\r")
                if let event = endLine() { events.append(event) }
            default:
                line.append(byte)
            }
            guard line.count + data.count <= Self.byteLimit else { throw TooLong() }
        }
        return events
    }

    private mutating func endLine() -> ServerSentEvent? {
        defer {
            line.removeAll(keepingCapacity: true)
            isFirstLine = false
        }
        var content = line[...]
        if isFirstLine, content.starts(with: [0xEF, 0xBB, 0xBF]) { content = content.dropFirst(3) }
        guard !content.isEmpty else { return dispatch() }
        let colon = content.firstIndex(of: UInt8(ascii: ":"))
        let field = String(decoding: content[..<(colon ?? content.endIndex)], as: UTF8.self)
        var value = colon.map { content[($0 + 1)...] } ?? []
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        take(field, value)
        return nil
    }

    private mutating func take(_ field: String, _ value: ArraySlice<UInt8>) {
        switch field {
        case "event": type = String(decoding: value, as: UTF8.self)
        case "data":
            if hasData { data.append(UInt8(ascii: "\n")) }
            data += value
            hasData = true
        case "id" where !value.contains(0): id = String(decoding: value, as: UTF8.self)
        // `retry` too: how long to wait is decided here.
        default: break
        }
    }

    private mutating func dispatch() -> ServerSentEvent? {
        defer {
            type = ""
            data = []
            hasData = false
        }
        lastID = id
        guard hasData else { return nil }
        return ServerSentEvent(
            id: lastID, type: type.isEmpty ? "message" : type,
            data: String(decoding: data, as: UTF8.self))
    }
}
