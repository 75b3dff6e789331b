import NIOCore

/// One entry of an archive, before its content.
struct TarEntry: Sendable, Hashable {
    /// The name as it stands in the archive; nothing about it has been checked.
    var name: String
    var kind: TarEntryKind
    /// Bytes of content that follow.
    var size: Int
}

/// What a reader finds next.
enum TarEvent: Sendable, Hashable {
    case entry(TarEntry)
    /// A piece of the last entry's content.
    case content(ByteBuffer)
    /// The last entry is complete.
    case entryEnd
}

/// Reads a tar archive piece by piece: ustar, with pax and GNU long names.
///
/// A pure machine: bytes in, events out. It keeps no more than one header and one extended header
/// in memory, and judges no names; see ``ArchiveExtractor`` for that.
struct TarReader: Sendable {
    /// The largest extended header; real ones hold a path and some attributes.
    static let extendedBytesMax = 256 * 1024

    private enum State {
        /// At a header block, having seen the end marker's first zero block or not.
        case header
        /// In an entry's content.
        case content(remaining: Int, padding: Int)
        /// Between the content and the next header.
        case padding(Int)
        /// In an extended header's content.
        case extended(typeflag: UInt8, size: Int)
        /// After the end marker; what follows is ignored.
        case ended
    }

    private var state = State.header
    private var pending = ByteBuffer()
    /// What an extended header said about the next entry.
    private var longName: String?
    private var longSize: Int?
    private var isSparse = false

    mutating func append(_ chunk: ByteBuffer) {
        guard pending.readableBytes > 0 else {
            pending = chunk
            return
        }
        pending.discardReadBytes()
        pending.writeImmutableBuffer(chunk)
    }

    /// The next event, or nil when more bytes are needed or the archive has ended.
    ///
    /// - Throws: `.archiveRejected` for a damaged archive.
    mutating func next() throws(DockerError) -> TarEvent? {
        while true {
            switch state {
            case .header:
                guard let block = pending.readBytes(length: TarBlock.size) else { return nil }
                if block.allSatisfy({ $0 == 0 }) {
                    state = .ended
                    continue
                }
                if let event = try begin(TarHeader(block: block)) { return event }
            case .content(let remaining, let padding):
                guard remaining > 0 else {
                    state = .padding(padding)
                    return .entryEnd
                }
                guard let piece = pending.readSlice(length: min(remaining, pending.readableBytes)),
                    piece.readableBytes > 0
                else { return nil }
                state = .content(remaining: remaining - piece.readableBytes, padding: padding)
                return .content(piece)
            case .padding(let count):
                let skipped = min(count, pending.readableBytes)
                pending.moveReaderIndex(forwardBy: skipped)
                guard skipped == count else {
                    state = .padding(count - skipped)
                    return nil
                }
                state = .header
            case .extended(let typeflag, let size):
                guard let bytes = pending.readBytes(length: size) else { return nil }
                try note(typeflag, bytes)
                state = .padding(TarBlock.padding(size))
            case .ended:
                pending.clear()
                return nil
            }
        }
    }

    /// Checks that the archive came to its end.
    ///
    /// - Throws: `.archiveRejected` for a cut archive.
    func finish() throws(DockerError) {
        guard case .ended = state else { throw TarHeader.damaged("no end: it was cut") }
    }

    private mutating func begin(_ header: TarHeader) throws(DockerError) -> TarEvent? {
        switch header.typeflag {
        case UInt8(ascii: "x"), UInt8(ascii: "g"), UInt8(ascii: "L"), UInt8(ascii: "K"):
            guard header.size <= Self.extendedBytesMax else {
                throw TarHeader.damaged("an extended header of \(header.size) bytes")
            }
            state = .extended(typeflag: header.typeflag, size: header.size)
            return nil
        default:
            break
        }
        var entry = TarEntry(
            name: longName ?? header.name, kind: header.kind, size: longSize ?? header.size)
        if isSparse { entry.kind = .other(UInt8(ascii: "S")) }
        if entry.kind == .file, entry.name.utf8.last == UInt8(ascii: "/") {
            entry.kind = .directory
        }
        longName = nil
        longSize = nil
        isSparse = false
        // These never have content, whatever their size field says.
        switch entry.kind {
        case .directory, .symbolicLink, .hardLink, .device, .fifo: entry.size = 0
        case .file, .other: break
        }
        state = .content(remaining: entry.size, padding: TarBlock.padding(entry.size))
        return .entry(entry)
    }

    private mutating func note(_ typeflag: UInt8, _ bytes: [UInt8]) throws(DockerError) {
        switch typeflag {
        case UInt8(ascii: "x"):
            let records = try PaxRecords.parse(bytes)
            if let path = records["path"] { longName = path }
            if records["GNU.sparse"] != nil { isSparse = true }
            if let text = records["size"] {
                guard let size = Int(text), size >= 0 else {
                    throw TarHeader.damaged("a size that is no number")
                }
                longSize = size
            }
        case UInt8(ascii: "L"):
            longName = try TarHeader.text(bytes[...])
        default:
            // Global headers and link targets: nothing of them is used.
            break
        }
    }
}
