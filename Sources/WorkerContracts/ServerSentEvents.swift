/// One server-sent event.
struct ServerSentEvent: Equatable {
    /// Its `event` field; empty when it has none.
    var name = ""
    /// Its `data` lines, joined by line feeds.
    var data: [UInt8] = []
}

/// Reads a stream of server-sent events as it comes, however it is cut.
///
/// Append a piece, then take events until there is none. Nothing is kept but the event that is not
/// yet whole, and that is bounded.
struct ServerSentEvents {
    /// Largest event, and largest line of one.
    static let eventBytesMax = 4 << 20

    private var piece: [UInt8] = []
    private var place = 0
    private var line: [UInt8] = []
    private var event = ServerSentEvent()
    private var hasData = false
    /// The last byte was a carriage return: a line feed right behind it belongs to it.
    private var isAfterReturn = false
    private var isFirstLine = true
    private var isFinished = false

    /// Adds the next piece; the events of the one before must have been taken.
    mutating func append(_ bytes: some Collection<UInt8>) {
        piece.removeFirst(place)
        piece += bytes
        place = 0
    }

    /// The stream has ended; what has no empty line behind it counts all the same, as servers forget it.
    mutating func finish() { isFinished = true }

    /// The next event that is whole, or nil.
    ///
    /// Throws `tooLarge`.
    mutating func next() throws(WorkerError) -> ServerSentEvent? {
        while place < piece.count {
            let byte = piece[place]
            let wasAfterReturn = isAfterReturn
            isAfterReturn = byte == UInt8(ascii: "\r")
            guard isAfterReturn || byte == UInt8(ascii: "\n") else {
                try takeText()
                continue
            }
            place += 1
            if wasAfterReturn, !isAfterReturn { continue }
            if let whole = try endLine() { return whole }
        }
        guard isFinished else { return nil }
        if !line.isEmpty, let whole = try endLine() { return whole }
        return take()
    }

    /// Takes what there is of a line.
    private mutating func takeText() throws(WorkerError) {
        let end =
            piece[place...].firstIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
            ?? piece.count
        guard line.count + end - place <= Self.eventBytesMax else { throw Self.tooLarge() }
        line += piece[place..<end]
        place = end
    }

    private mutating func endLine() throws(WorkerError) -> ServerSentEvent? {
        defer { line.removeAll(keepingCapacity: line.count <= 64 << 10) }
        var text = line[...]
        if isFirstLine, text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
        isFirstLine = false
        if text.isEmpty { return take() }
        let name = text.prefix { $0 != UInt8(ascii: ":") }
        var value = text.dropFirst(name.count + 1)
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        // A comment has an empty name; other fields are for browsers that come back.
        if name.elementsEqual("data".utf8) {
            guard event.data.count + value.count < Self.eventBytesMax else { throw Self.tooLarge() }
            if hasData { event.data.append(UInt8(ascii: "\n")) }
            event.data += value
            hasData = true
        } else if name.elementsEqual("event".utf8) {
            event.name = String(decoding: value.prefix(256), as: UTF8.self)
        }
        return nil
    }

    /// The event that is whole now; one without data is none.
    private mutating func take() -> ServerSentEvent? {
        defer {
            event = ServerSentEvent()
            hasData = false
        }
        return hasData ? event : nil
    }

    private static func tooLarge() -> WorkerError {
        WorkerError(
            .tooLarge, "The worker's stream has an event larger than \(eventBytesMax) bytes.")
    }
}
