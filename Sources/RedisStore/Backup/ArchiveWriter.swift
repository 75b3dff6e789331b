import Crypto
import FleetCore
import Foundation

/// Writes an archive: gzip over lines of JSON, `{"KIND":RECORD}` each.
///
/// The first line is the header, the last has the counts and a digest. Only what is being written is held.
struct ArchiveWriter: ~Copyable {
    private let file: FileHandle
    private let header: ArchiveHeader
    private var gzip: Gzip
    private var lines = SHA256()
    private var bytes = SHA256()
    private var size = 0
    private var counts = ArchiveCounts()
    private var waiting: [UInt8]
    private let encoder = ArchiveCoding.encoder()

    /// Lines are packed when so many bytes of them wait.
    private static let piece = 256 << 10

    /// Begins a file that is not there yet, for its owner only.
    static func begin(path: String, header: ArchiveHeader) throws -> ArchiveWriter {
        let first = try line(.backup, header, ArchiveCoding.encoder())
        let gzip = try Gzip(.pack)
        return ArchiveWriter(try make(path), gzip, header, first)
    }

    private init(
        _ file: FileHandle, _ gzip: consuming Gzip, _ header: ArchiveHeader, _ first: [UInt8]
    ) {
        self.file = file
        self.gzip = gzip
        self.header = header
        waiting = first
    }

    private static func make(_ path: String) throws(ArchiveError) -> FileHandle {
        let descriptor = unsafe open(
            path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw ArchiveError("cannot write \(path): \(errnoText(errno))")
        }
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    mutating func add(_ revision: AppliedFleet) throws {
        try write(.revision, revision)
        counts.revisions += 1
    }

    mutating func add(_ webhook: WebhookRecord) throws {
        try write(.webhook, webhook)
        counts.webhooks += 1
    }

    mutating func add(_ token: TokenRecord) throws {
        try write(.token, token)
        counts.tokens += 1
    }

    mutating func add(_ ban: NodeBan) throws {
        try write(.ban, ban)
        counts.bans = (counts.bans ?? 0) + 1
    }

    mutating func add(_ node: NodeRecord) throws {
        try write(.node, node)
        counts.nodes += 1
    }

    mutating func add(_ plan: Plan) throws {
        try write(.plan, plan)
        counts.plans += 1
    }

    mutating func add(_ job: Job) throws {
        try write(.job, job)
        counts.jobs += 1
    }

    mutating func add(_ event: FleetEvent) throws {
        try write(.event, event)
        counts.events += 1
    }

    /// Writes what is left, until it is on the disk.
    mutating func finish() throws -> ArchiveSummary {
        try flush(isLast: false)
        try write(.end, ArchiveEnd(counts: counts, sha256: lines.finalize().hexadecimal))
        try flush(isLast: true)
        try file.synchronize()
        return ArchiveSummary(
            header: header, counts: counts, size: size, sha256: bytes.finalize().hexadecimal)
    }

    private mutating func write(_ kind: ArchiveKind, _ record: some Encodable) throws {
        waiting += try Self.line(kind, record, encoder)
        if waiting.count >= Self.piece { try flush(isLast: false) }
    }

    private static func line(
        _ kind: ArchiveKind, _ record: some Encodable, _ encoder: JSONEncoder
    ) throws -> [UInt8] {
        kind.opening + (try encoder.encode(record)) + Array("}\n".utf8)
    }

    private mutating func flush(isLast: Bool) throws {
        lines.update(data: waiting)
        var packed: [UInt8] = []
        try gzip.feed(waiting, isLast: isLast) { packed += $0 }
        waiting = []
        bytes.update(data: packed)
        size += packed.count
        do {
            try file.write(contentsOf: packed)
        } catch {
            throw ArchiveError("cannot write the archive: \(errnoText(errno))")
        }
    }
}

/// How records stand in an archive.
enum ArchiveCoding {
    static func encoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    /// A record, every member of which is known.
    static func decode<Record: Codable>(
        _ type: Record.Type, _ json: Data
    ) throws(ArchiveError) -> Record {
        let record: Record
        let again: Data
        do {
            record = try JSONDecoder().decode(type, from: json)
            again = try encoder().encode(record)
        } catch {
            throw .damaged("a record cannot be read")
        }
        // What says the same when it is written again has nothing that we would lose.
        if again == json { return record }
        guard let there = try? JSONSerialization.jsonObject(with: json),
            let known = try? JSONSerialization.jsonObject(with: again)
        else { throw .damaged("a record cannot be read") }
        if let key = unknownKey(there, known) {
            throw ArchiveError(
                "the archive has `\(key.prefix(40))`, which this version does not know: use the version that wrote it, or a newer one"
            )
        }
        return record
    }

    private static func unknownKey(_ value: Any, _ known: Any) -> String? {
        if let members = value as? [String: Any] {
            let ours = known as? [String: Any] ?? [:]
            for (key, member) in members where !(member is NSNull) {
                guard let ourMember = ours[key] else { return key }
                if let found = unknownKey(member, ourMember) { return found }
            }
        } else if let items = value as? [Any], let ours = known as? [Any] {
            for (item, our) in zip(items, ours) {
                if let found = unknownKey(item, our) { return found }
            }
        }
        return nil
    }
}
