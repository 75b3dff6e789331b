import FleetCore

/// The log of one attempt on its way to the controller.
///
/// A piece's offset is its place in the log, so that the controller can drop what it has and note what
/// it lacks. When too much waits, the middle is dropped, and a note takes its place. What was sent
/// lately is kept, because a link that breaks takes what is on its way with it.
struct LogBacklog: Sendable {
    /// A piece that is not smaller takes no more.
    static let pieceBytesMax = 32 << 10
    /// The most bytes that wait to be sent.
    static let waitingBytesMax = 1 << 20
    /// Who can wait waits while so many bytes do: then nothing is ever dropped.
    static let roomBytes = 256 << 10
    /// The most bytes kept of what was sent: more than a link has on its way.
    static let sentBytesMax = 512 << 10

    /// A piece with its place.
    struct Piece: Hashable, Sendable {
        /// Where it begins in the log.
        var offset: UInt64
        /// The part of the log that it stands for, in bytes.
        var span: UInt64
        /// Its records.
        var text: [UInt8]
        /// Whether nothing comes after it.
        var isLast = false
    }

    private var sent: [Piece] = []
    private var sentBytes = 0
    /// Pieces of `sent` to be sent once more, counted from the end.
    private var repeating = 0
    private var waiting: [Piece] = []
    private var waitingBytes = 0
    /// The piece of `waiting` that is a note of what was dropped.
    private var gapAt: Int?
    /// Where the log ends so far.
    private var end: UInt64
    private var isFinished = false
    private var isLastGiven = false

    /// Creates a log whose beginning is elsewhere.
    init(from offset: UInt64 = 0) { end = offset }

    /// Whether so little waits that more of it is none too much.
    var hasRoom: Bool { waitingBytes < Self.roomBytes }

    /// Whether something is to be sent.
    var isEmpty: Bool {
        repeating == 0 && waiting.isEmpty && (!isFinished || isLastGiven)
    }

    /// Where what has surely arrived ends: before all that a link may still have on its way.
    var settled: UInt64 { (sent.first ?? waiting.first)?.offset ?? end }

    /// Adds what the work has written.
    mutating func append(
        _ bytes: some Collection<UInt8>, from source: LogSource = .stdout, at time: Int64
    ) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(LogText.contentMax)
            rest = rest.dropFirst(part.count)
            if waiting.last.map({ $0.text.count >= Self.pieceBytesMax }) ?? true
                || gapAt == waiting.count - 1
            {
                waiting.append(Piece(offset: end, span: 0, text: []))
            }
            let last = waiting.count - 1
            let before = waiting[last].text.count
            LogText.append(part, from: source, at: time, to: &waiting[last].text)
            waiting[last].span += UInt64(part.count)
            waitingBytes += waiting[last].text.count - before
            end += UInt64(part.count)
            makeRoom(time)
        }
    }

    /// Notes that something that the work wrote is lost, at that place or behind; it counts as one byte.
    ///
    /// Where the place is behind the end so far, the controller notes what is between.
    mutating func append(_ loss: LogLoss, from offset: UInt64 = 0, at time: Int64) {
        end = max(end, offset)
        var note: [UInt8] = []
        LogText.append(loss, at: time, to: &note)
        waiting.append(Piece(offset: end, span: 1, text: note))
        waitingBytes += note.count
        end += 1
        makeRoom(time)
    }

    /// Drops from the middle: the first half is how it began, the second half how it goes on.
    private mutating func makeRoom(_ time: Int64) {
        guard waitingBytes > Self.waitingBytesMax else { return }
        let gap = gapAt ?? waiting.count / 2
        if gapAt == nil {
            let place = waiting.indices.contains(gap) ? waiting[gap].offset : end
            waiting.insert(Piece(offset: place, span: 0, text: []), at: gap)
            gapAt = gap
        }
        while waitingBytes > Self.waitingBytesMax, waiting.indices.contains(gap + 1) {
            let piece = waiting.remove(at: gap + 1)
            waitingBytes -= piece.text.count
            waiting[gap].span += piece.span
        }
        var note: [UInt8] = []
        LogText.appendGap(of: waiting[gap].span, at: time, to: &note)
        waitingBytes += note.count - waiting[gap].text.count
        waiting[gap].text = note
    }

    /// Nothing will be added any more.
    mutating func finish() { isFinished = true }

    /// The next piece to send; it counts as sent.
    mutating func next() -> Piece? {
        if repeating > 0 {
            let piece = sent[sent.count - repeating]
            repeating -= 1
            return piece
        }
        guard !waiting.isEmpty else {
            guard isFinished, !isLastGiven else { return nil }
            isLastGiven = true
            return Piece(offset: end, span: 0, text: [], isLast: true)
        }
        let piece = waiting.removeFirst()
        gapAt = gapAt.flatMap { $0 > 0 ? $0 - 1 : nil }
        waitingBytes -= piece.text.count
        sent.append(piece)
        sentBytes += piece.text.count
        while sentBytes > Self.sentBytesMax, let first = sent.first {
            sentBytes -= first.text.count
            sent.removeFirst()
        }
        return piece
    }

    /// Takes back the piece just given: it could not be sent.
    mutating func takeBack() {
        if isLastGiven {
            isLastGiven = false
        } else {
            repeating = min(repeating + 1, sent.count)
        }
    }

    /// What was sent lately is sent once more.
    mutating func rewind() {
        repeating = sent.count
        isLastGiven = false
    }
}
