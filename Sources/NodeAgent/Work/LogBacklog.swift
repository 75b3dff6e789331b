/// The log of one attempt on its way to the controller.
///
/// A piece's offset is its place in what is sent, so that the controller can drop what it has. When too
/// much waits, the middle is dropped, and a note takes its place. What was sent lately is kept,
/// because a link that breaks takes what is on its way with it.
struct LogBacklog: Sendable {
    /// The largest piece, in bytes.
    static let pieceBytesMax = 32 << 10
    /// The most bytes that wait to be sent.
    static let waitingBytesMax = 1 << 20
    /// The most bytes kept of what was sent: more than a link has on its way.
    static let sentBytesMax = 512 << 10

    /// A piece with its place.
    struct Piece: Hashable, Sendable {
        var offset: UInt64
        var bytes: [UInt8]
    }

    private var sent: [Piece] = []
    private var sentBytes = 0
    /// Pieces of `sent` to be sent once more, counted from the end.
    private var repeating = 0
    private var waiting: [[UInt8]] = []
    private var waitingBytes = 0
    /// Bytes dropped after piece `gapAt` of `waiting`.
    private var dropped = 0
    private var gapAt = 0
    private var offset: UInt64 = 0

    /// Whether something is to be sent.
    var isEmpty: Bool { repeating == 0 && waiting.isEmpty && dropped == 0 }

    /// Adds what the work has written.
    mutating func append(_ bytes: some Collection<UInt8>) {
        var rest = bytes[...]
        while !rest.isEmpty {
            if let count = waiting.last?.count, waiting.count > gapAt || dropped == 0,
                count < Self.pieceBytesMax
            {
                let part = rest.prefix(Self.pieceBytesMax - count)
                waiting[waiting.count - 1] += part
                waitingBytes += part.count
                rest = rest.dropFirst(part.count)
            } else {
                let part = rest.prefix(Self.pieceBytesMax)
                waiting.append(Array(part))
                waitingBytes += part.count
                rest = rest.dropFirst(part.count)
            }
        }
        makeRoom()
    }

    /// Drops from the middle: the first half is how it began, the second half how it goes on.
    private mutating func makeRoom() {
        guard waitingBytes > Self.waitingBytesMax else { return }
        if dropped == 0 { gapAt = waiting.count / 2 }
        while waitingBytes > Self.waitingBytesMax, waiting.indices.contains(gapAt) {
            let piece = waiting.remove(at: gapAt)
            waitingBytes -= piece.count
            dropped += piece.count
        }
    }

    /// The next piece to send; it counts as sent.
    mutating func next() -> Piece? {
        if repeating > 0 {
            let piece = sent[sent.count - repeating]
            repeating -= 1
            return piece
        }
        if dropped > 0, gapAt == 0 {
            let note = Array("\n… \(dropped) bytes of log left out here …\n".utf8)
            dropped = 0
            return give(note)
        }
        guard !waiting.isEmpty else { return nil }
        let bytes = waiting.removeFirst()
        waitingBytes -= bytes.count
        gapAt = max(0, gapAt - 1)
        return give(bytes)
    }

    private mutating func give(_ bytes: [UInt8]) -> Piece {
        let piece = Piece(offset: offset, bytes: bytes)
        offset += UInt64(bytes.count)
        sent.append(piece)
        sentBytes += bytes.count
        while sentBytes > Self.sentBytesMax, let first = sent.first {
            sentBytes -= first.bytes.count
            sent.removeFirst()
        }
        return piece
    }

    /// Takes back the piece just given: it could not be sent.
    mutating func takeBack() { repeating = min(repeating + 1, sent.count) }

    /// What was sent lately is sent once more.
    mutating func rewind() { repeating = sent.count }
}
