import Crypto
import FleetCore
import Foundation

/// Reads an archive line by line, and believes nothing of it.
///
/// It is refused as soon as something is not as a writer would have written it; that it is whole is known
/// only at its end. However large it is, one line of it is held.
package struct ArchiveReader: Sendable {
    private let path: String

    /// Bytes of one line, far above the largest record there can be.
    static let lineLimit = 16 << 20
    /// Lines of one archive.
    static let recordLimit = 50_000_000
    /// The highest that the last number of a kind can be, so that whoever goes on from it can count up.
    static let numberLimit: UInt64 = 1 << 53
    private static let piece = 256 << 10

    /// A reader of a file.
    package init(path: String) { self.path = path }

    /// Hands out each record, in order; what is handed out before an error must be given up.
    package func read(
        _ take: (ArchiveRecord) async throws -> Void
    ) async throws -> ArchiveSummary {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ArchiveError("cannot read \(path): \(errnoText(errno))")
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var gzip = try Gzip(.unpack)
        var lines = ArchiveLines()
        var bytes = SHA256()
        var size = 0
        while let piece = try file.read(upToCount: Self.piece), !piece.isEmpty {
            try Task.checkCancellation()
            bytes.update(data: piece)
            size += piece.count
            // A piece of a bomb would be hundreds of megabytes: so it is fed in crumbs, and what comes of
            // each is looked at before the next.
            for start in stride(from: 0, to: piece.count, by: Self.crumb) {
                let crumb = [UInt8](piece.dropFirst(start).prefix(Self.crumb))
                try gzip.feed(crumb) { unpacked throws(ArchiveError) in try lines.add(unpacked) }
                for record in try lines.takeRecords() { try await take(record) }
            }
        }
        guard gzip.isAtEnd else { throw ArchiveError.damaged("it is cut off") }
        let (header, counts) = try lines.finish()
        return ArchiveSummary(
            header: header, counts: counts, size: size, sha256: bytes.finalize().hexadecimal)
    }

    /// Unpacked, it has four megabytes at most.
    private static let crumb = 4 << 10
}

/// Cuts text into lines, and checks that they are those of an archive.
struct ArchiveLines {
    private var partial: [UInt8] = []
    private var whole: [[UInt8]] = []
    private var digest = SHA256()
    private var last = ArchiveKind.backup
    private var header: ArchiveHeader?
    private var end: ArchiveEnd?
    private var counts = ArchiveCounts()
    private var lastRevision: UInt64 = 0
    private var lastEvent: UInt64 = 0
    private var total = 0

    mutating func add(_ bytes: ArraySlice<UInt8>) throws(ArchiveError) {
        var rest = bytes
        while let place = rest.firstIndex(of: UInt8(ascii: "\n")) {
            whole.append(partial + rest[..<place])
            partial = []
            rest = rest[(place + 1)...]
        }
        partial += rest
        guard partial.count <= ArchiveReader.lineLimit else {
            throw .damaged("a line is longer than \(ArchiveReader.lineLimit >> 20) MiB")
        }
    }

    /// The records of all whole lines.
    mutating func takeRecords() throws(ArchiveError) -> [ArchiveRecord] {
        let taken = whole
        whole = []
        var records: [ArchiveRecord] = []
        for line in taken {
            if let record = try record(line) { records.append(record) }
        }
        return records
    }

    /// What the archive says of itself, once all of it was read.
    func finish() throws(ArchiveError) -> (ArchiveHeader, ArchiveCounts) {
        guard partial.isEmpty, let end, let header else { throw .damaged("it is cut off") }
        guard end.counts == counts, lastRevision == header.revision else {
            throw .damaged("records are missing")
        }
        return (header, counts)
    }

    private mutating func record(_ line: [UInt8]) throws(ArchiveError) -> ArchiveRecord? {
        guard end == nil else { throw .damaged("there is something behind its end") }
        total += 1
        guard total <= ArchiveReader.recordLimit else {
            throw .damaged("it has more than \(ArchiveReader.recordLimit) records")
        }
        guard let kind = ArchiveKind.allCases.first(where: { line.starts(with: $0.opening) }),
            line.last == UInt8(ascii: "}")
        else {
            let isFirst = header == nil
            throw isFirst
                ? ArchiveError("this is no backup of Jessica")
                : .damaged("line \(total) is of no known kind")
        }
        guard (header == nil) == (kind == .backup), kind.place >= last.place else {
            throw .damaged("line \(total) stands where it cannot")
        }
        last = kind
        let json = Data(line.dropFirst(kind.opening.count).dropLast())
        if kind == .end {
            let end = try ArchiveCoding.decode(ArchiveEnd.self, json)
            guard end.sha256 == digest.finalize().hexadecimal else {
                throw .damaged("its digest is another")
            }
            self.end = end
            return nil
        }
        digest.update(data: line)
        digest.update(data: [UInt8(ascii: "\n")])
        return try record(kind, json)
    }

    private mutating func record(
        _ kind: ArchiveKind, _ json: Data
    ) throws(ArchiveError) -> ArchiveRecord? {
        switch kind {
        case .end: return nil
        case .backup: return .header(try readHeader(json))
        case .revision:
            let fleet = try ArchiveCoding.decode(AppliedFleet.self, json)
            guard fleet.revision > lastRevision else { throw .damaged("revisions do not rise") }
            lastRevision = fleet.revision
            counts.revisions += 1
            return .revision(fleet)
        case .token:
            let token = try ArchiveCoding.decode(TokenRecord.self, json)
            try check(token.name.rawValue)
            counts.tokens += 1
            return .token(token)
        case .webhook:
            let webhook = try ArchiveCoding.decode(WebhookRecord.self, json)
            try check(webhook.name.rawValue)
            counts.webhooks += 1
            return .webhook(webhook)
        case .ban:
            let ban = try ArchiveCoding.decode(NodeBan.self, json)
            try check(ban.node.rawValue)
            counts.bans = (counts.bans ?? 0) + 1
            return .ban(ban)
        case .node:
            let node = try ArchiveCoding.decode(NodeRecord.self, json)
            try check(node.name.rawValue)
            counts.nodes += 1
            return .node(node)
        case .plan:
            let plan = try ArchiveCoding.decode(Plan.self, json)
            try check(plan.id.rawValue)
            counts.plans += 1
            return .plan(plan)
        case .job:
            let job = try ArchiveCoding.decode(Job.self, json)
            try check(job.id.rawValue)
            try check(job.queue.rawValue)
            counts.jobs += 1
            return .job(job)
        case .event:
            let event = try ArchiveCoding.decode(FleetEvent.self, json)
            guard event.sequence > lastEvent, event.sequence <= header?.counters.event ?? 0 else {
                throw .damaged("events do not rise")
            }
            lastEvent = event.sequence
            counts.events += 1
            return .event(event)
        }
    }

    private mutating func readHeader(_ json: Data) throws(ArchiveError) -> ArchiveHeader {
        /// What every format has, so that one which is not known can be told by its number.
        struct Format: Codable { var format: Int }
        guard let format = (try? JSONDecoder().decode(Format.self, from: json))?.format else {
            throw .damaged("its first line cannot be read")
        }
        guard format == ArchiveHeader.currentFormat else {
            throw ArchiveError(
                "the archive has the format \(format), and this version knows \(ArchiveHeader.currentFormat): use the version that wrote it, or a newer one"
            )
        }
        let header = try ArchiveCoding.decode(ArchiveHeader.self, json)
        let counters = header.counters
        let numbers = [
            header.term, header.revision, counters.event, counters.assignment, counters.cleaning,
        ]
        guard numbers.allSatisfy({ $0 <= ArchiveReader.numberLimit }) else {
            throw .damaged("its first line has a number that cannot be")
        }
        self.header = header
        return header
    }

    /// A name becomes part of a key, and of what people see.
    private func check(_ name: String) throws(ArchiveError) {
        let isFine =
            (1...128).contains(name.utf8.count)
            && name.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        guard isFine else { throw .damaged("a record has a name that cannot be") }
    }
}
