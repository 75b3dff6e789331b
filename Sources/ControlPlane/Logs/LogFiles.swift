import FleetCore
import Foundation
import Glibc

/// The log of one attempt on the controller's disk: how it began, and how it goes on.
///
///     JOB/1.0.log          the first 4 MiB
///     JOB/1.9437184.log    a piece of its end, named by its place in the log; at most four of 1 MiB
///     JOB/1.moved          nothing: the log is in the object store
///
/// All in the form of `LogText`. What comes between is dropped as the log grows, and noted when it is read.
struct LogFiles: Sendable {
    static let headBytesMax = 4 << 20
    static let tailBytesMax = 1 << 20
    static let tailsMax = 4

    /// A file with its place in the log.
    struct Segment: Hashable, Sendable {
        var start: UInt64
        var end: UInt64
        var bytes: Int
    }

    /// Where a reader is.
    struct Place: Hashable, Sendable {
        /// In the log.
        var offset: UInt64
        /// The file's place in the log.
        var segment: UInt64
        /// In the file.
        var byte: Int
    }

    private let stem: String
    private(set) var segments: [Segment] = []

    /// Where the log ends so far.
    var end: UInt64 { segments.last?.end ?? 0 }
    /// Bytes on the disk.
    var bytes: Int { segments.reduce(0) { $0 + $1.bytes } }

    /// Looks for the log in a job's folder.
    init(folder: String, attempt: Int) throws {
        stem = "\(folder)/\(attempt)"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let starts = names.compactMap { name -> UInt64? in
            let parts = name.split(separator: ".")
            guard parts.count == 3, parts[0] == "\(attempt)", parts[2] == "log" else { return nil }
            return UInt64(parts[1])
        }
        for start in starts.sorted() { segments.append(try load(start)) }
    }

    private func path(_ start: UInt64) -> String { "\(stem).\(start).log" }
    private var marker: String { "\(stem).moved" }

    /// When it was last written.
    var modified: Date {
        let facts = segments.last.flatMap {
            try? FileManager.default.attributesOfItem(atPath: path($0.start))
        }
        return facts?[.modificationDate] as? Date ?? .distantPast
    }

    /// Whether the log is in the object store.
    var isMoved: Bool { unsafe access(marker, F_OK) == 0 }

    /// Measures a file; what a crash left of a record at its end is cut off.
    private func load(_ start: UInt64) throws -> Segment {
        let text = [UInt8](try Data(contentsOf: URL(filePath: path(start))))
        var segment = Segment(start: start, end: start, bytes: 0)
        while let record = try? LogText.record(in: text, at: segment.bytes) {
            segment.end += record.span
            segment.bytes = record.end
        }
        if segment.bytes < text.count {
            guard unsafe truncate(path(start), segment.bytes) == 0 else {
                throw POSIXError.current
            }
        }
        return segment
    }

    // MARK: Writing

    /// Adds what is new in a text that begins at a place in the log; what is missing before it is noted.
    ///
    /// When the disk takes none of it nothing has changed, and the next piece notes that it is missing.
    mutating func append(_ text: [UInt8], at offset: UInt64, now: Int64) throws {
        let part = try LogText.part(behind: end, of: text, at: offset)
        guard part.end > end else { return }
        var out: [UInt8] = []
        if offset > end { LogText.appendGap(of: offset - end, at: now, to: &out) }
        out += part.text
        let index = segmentToWrite(out.count)
        do {
            try write(out, to: segments[index])
        } catch {
            if segments[index].bytes == 0 { remove(at: index) }
            throw error
        }
        segments[index].bytes += out.count
        segments[index].end = part.end
        while segments.count > 1 + Self.tailsMax { remove(at: 1) }
    }

    /// The last file, or a new one when that is full.
    private mutating func segmentToWrite(_ count: Int) -> Int {
        if let last = segments.last {
            let limit = segments.count == 1 ? Self.headBytesMax : Self.tailBytesMax
            if last.bytes + count <= limit || last.bytes == 0 { return segments.count - 1 }
        }
        segments.append(Segment(start: end, end: end, bytes: 0))
        return segments.count - 1
    }

    private func write(_ bytes: [UInt8], to segment: Segment) throws {
        let file = unsafe open(
            path(segment.start), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw POSIXError.current }
        defer { close(file) }
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe pwrite(
                    file, $0.baseAddress?.advanced(by: done), $0.count - done, segment.bytes + done)
            }
            if count > 0 {
                done += count
            } else if errno != EINTR {
                let error = POSIXError.current
                _ = ftruncate(file, segment.bytes)
                throw error
            }
        }
    }

    /// The files of the log.
    var paths: [String] { segments.map { path($0.start) } }

    /// Returns when files are on the disk; those that are gone have been moved.
    static func sync(_ paths: [String]) throws {
        for path in paths {
            let file = unsafe open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC)
            if file < 0, errno == ENOENT { continue }
            guard file >= 0 else { throw POSIXError.current }
            defer { close(file) }
            guard fsync(file) == 0 else { throw POSIXError.current }
        }
    }

    private mutating func remove(at index: Int) {
        _ = unsafe unlink(path(segments[index].start))
        segments.remove(at: index)
    }

    // MARK: Reading

    /// Where to begin to read, at or before a place in the log; nil when there is no log.
    func place(before offset: UInt64) -> Place? {
        guard let first = segments.first else { return nil }
        let segment = segments.last { $0.start <= offset } ?? first
        return Place(offset: segment.start, segment: segment.start, byte: 0)
    }

    /// Whole records from a place on, at least one unless it is the end; the place behind them.
    func read(from place: Place, now: Int64) throws -> (text: [UInt8], next: Place) {
        guard let index = segments.firstIndex(where: { $0.start >= place.segment }) else {
            return ([], place)
        }
        let segment = segments[index]
        if segment.start == place.segment, place.byte < segment.bytes {
            let text = try readFile(segment, from: place.byte)
            let end = try LogText.part(behind: .max, of: text, at: place.offset).end
            return (
                text, Place(offset: end, segment: segment.start, byte: place.byte + text.count)
            )
        }
        // At the end of that file, or it is gone.
        guard let next = segments.first(where: { $0.start > place.segment }) else {
            return ([], place)
        }
        var text: [UInt8] = []
        if next.start > place.offset {
            LogText.appendGap(of: next.start - place.offset, at: now, to: &text)
        }
        let rest = try read(
            from: Place(offset: next.start, segment: next.start, byte: 0), now: now)
        return (text + rest.text, rest.next)
    }

    private func readFile(_ segment: Segment, from byte: Int) throws -> [UInt8] {
        // Room for the longest record and more.
        let count = min(64 << 10, segment.bytes - byte)
        let file = unsafe open(path(segment.start), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else { throw POSIXError.current }
        defer { close(file) }
        var text = [UInt8](repeating: 0, count: count)
        let got = unsafe text.withUnsafeMutableBytes {
            unsafe pread(file, $0.baseAddress, $0.count, byte)
        }
        guard got > 0 else { throw POSIXError.current }
        let whole = text[..<got].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        guard whole > 0 else { throw POSIXError(.EIO) }
        return Array(text[..<whole])
    }

    /// All of it, as it is kept for good.
    func whole(now: Int64) throws -> [UInt8] {
        var text: [UInt8] = []
        guard var place = place(before: 0) else { return text }
        while true {
            let (part, next) = try read(from: place, now: now)
            guard !part.isEmpty else { return text }
            text += part
            place = next
        }
    }

    // MARK: The end

    /// The log is in the object store: it leaves the disk.
    mutating func moved() throws {
        let file = unsafe open(marker, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw POSIXError.current }
        close(file)
        removeAll()
    }

    /// Deletes the log.
    mutating func removeAll() {
        while !segments.isEmpty { remove(at: segments.count - 1) }
    }
}

extension POSIXError {
    /// What the last call has failed for.
    fileprivate static var current: POSIXError {
        POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
    }
}
