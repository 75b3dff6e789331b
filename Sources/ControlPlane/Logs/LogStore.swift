package import FleetCore
import Foundation
package import Logging
import NIOPosix
import OrderedCollections

/// The logs of attempts as they come from the agents, until they are moved to the object store.
package actor LogStore {
    private let root: String
    private let logger: Logger
    private var files: [AttemptKey: LogFiles] = [:]
    /// Logs whose last piece has come, oldest first.
    private var ended: OrderedSet<AttemptKey> = []
    private var watchers: [AttemptKey: [UInt64: AsyncStream<Void>.Continuation]] = [:]
    private var lastWatcher: UInt64 = 0
    private var isFailing = false
    private var isScanned = false
    /// Tells of logs that are at their end; one that is missed is found by ``local()``.
    nonisolated let endings: AsyncStream<AttemptKey>
    private let tellEnding: AsyncStream<AttemptKey>.Continuation

    /// Ends that are remembered for logs of which nothing was kept.
    private static let endedMax = 4_096

    /// Opens the logs under a folder.
    package init(root: String, logger: Logger) throws {
        try SecretFile.makeDirectory(root)
        self.root = root
        self.logger = logger
        (endings, tellEnding) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1_024))
    }

    // MARK: Writing

    /// Keeps a piece; whether it was the last one, and all is kept that will be.
    ///
    /// - Throws: `LogTextError` when it is no log.
    package func append(_ chunk: LogChunk, now: Instant) throws(LogTextError) -> Bool {
        let key = chunk.key
        guard let folder = folder(key.job), !ended.contains(key) else { return chunk.isLast }
        do {
            var log = try open(key)
            guard !log.isMoved else { return chunk.isLast }
            if log.segments.isEmpty, !chunk.text.isEmpty || chunk.offset > 0 {
                try SecretFile.makeDirectory(folder)
            }
            defer { files[key] = log.segments.isEmpty ? nil : log }
            try log.append(chunk.text, at: chunk.offset, now: now.nanoseconds)
            isFailing = false
        } catch let error as LogTextError {
            throw error
        } catch {
            if !isFailing {
                logger.error(
                    "logs of jobs cannot be kept; what is lost is noted in them",
                    metadata: ["attempt": "\(key)", "error": "\(error.localizedDescription)"])
            }
            isFailing = true
            return false
        }
        if chunk.isLast { end(key) }
        tick(key)
        return chunk.isLast
    }

    /// Returns when all of a log is on the disk, whatever becomes of the power; throws what the disk says.
    nonisolated func sync(_ key: AttemptKey) async throws {
        let paths = await files[key]?.paths ?? []
        try await NIOThreadPool.singleton.runIfActive { try LogFiles.sync(paths) }
    }

    /// Nothing comes any more for a log.
    func end(_ key: AttemptKey) {
        guard !ended.contains(key) else { return }
        ended.append(key)
        if ended.count > Self.endedMax { ended.removeFirst() }
        tellEnding.yield(key)
        tick(key)
    }

    private func open(_ key: AttemptKey) throws -> LogFiles {
        if let log = files[key] { return log }
        guard let folder = folder(key.job) else { throw POSIXError(.EINVAL) }
        let log = try LogFiles(folder: folder, attempt: key.number)
        if !log.segments.isEmpty { files[key] = log }
        return log
    }

    /// A job's folder; nil for an id that is no file name.
    private func folder(_ job: JobID) -> String? {
        let name = job.rawValue
        guard (1...64).contains(name.utf8.count),
            name.utf8.allSatisfy({
                ($0 >= 48 && $0 <= 57) || ($0 >= 65 && $0 <= 90) || ($0 >= 97 && $0 <= 122)
                    || $0 == 45
            })
        else { return nil }
        return "\(root)/\(name)"
    }

    // MARK: Reading

    /// What a read has found.
    enum Finding: Sendable {
        /// Records that begin at a place in the log; where to read on.
        case text([UInt8], at: UInt64, next: LogFiles.Place)
        /// Nothing more so far.
        case end
        /// It is in the object store.
        case moved
        /// Nothing of it is here, nor was.
        case nothing
    }

    /// Records from a place on; from the file with that offset when there is no place yet.
    func read(
        _ key: AttemptKey, from place: LogFiles.Place?, or offset: UInt64, now: Instant
    ) throws -> Finding {
        let log = try open(key)
        if log.isMoved { return .moved }
        guard let place = place ?? log.place(before: offset) else { return .nothing }
        let (text, next) = try log.read(from: place, now: now.nanoseconds)
        return text.isEmpty ? .end : .text(text, at: place.offset, next: next)
    }

    /// Whether nothing comes any more for a log.
    func isEnded(_ key: AttemptKey) -> Bool {
        ended.contains(key) || (try? open(key))?.isMoved == true
    }

    /// A tick with each piece that comes, and with the end; call `unwatch` when done.
    func watch(_ key: AttemptKey) -> (id: UInt64, ticks: AsyncStream<Void>) {
        lastWatcher += 1
        let (stream, continuation) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingNewest(1))
        watchers[key, default: [:]][lastWatcher] = continuation
        return (lastWatcher, stream)
    }

    /// Ends a watch.
    func unwatch(_ key: AttemptKey, _ id: UInt64) {
        watchers[key]?.removeValue(forKey: id)?.finish()
        if watchers[key]?.isEmpty == true { watchers[key] = nil }
    }

    private func tick(_ key: AttemptKey) {
        for watcher in (watchers[key] ?? [:]).values { watcher.yield() }
    }

    // MARK: Moving

    /// A log that is still here.
    struct Local: Hashable, Sendable {
        var key: AttemptKey
        var bytes: Int
        /// When it was last written.
        var modified: Date
        var isEnded: Bool
    }

    /// All logs that are here, those of the oldest jobs first.
    func local() -> [Local] {
        if !isScanned { scan() }
        return files.map { key, log in
            Local(
                key: key, bytes: log.bytes, modified: log.modified, isEnded: ended.contains(key))
        }.sorted { ($0.key.job.rawValue, $0.key.number) < ($1.key.job.rawValue, $1.key.number) }
    }

    /// Finds what a former life has left; later all that is here is known.
    private func scan() {
        for job in jobs() {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(root)/\(job)"))
            for name in names ?? [] where name.hasSuffix(".log") {
                guard let number = Int(name.prefix { $0 != "." }) else { continue }
                _ = try? open(AttemptKey(job: JobID(job), number: number))
            }
        }
        isScanned = true
    }

    /// The jobs with a folder here, oldest first.
    func jobs() -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).sorted()
    }

    /// A log as it is kept for good.
    func whole(_ key: AttemptKey, now: Instant) throws -> [UInt8] {
        try open(key).whole(now: now.nanoseconds)
    }

    /// A log is in the object store now: it leaves the disk.
    func moved(_ key: AttemptKey) throws {
        var log = try open(key)
        try log.moved()
        files[key] = nil
        tick(key)
    }

    /// Deletes a log, wherever it is.
    func drop(_ key: AttemptKey) {
        guard var log = try? open(key) else { return }
        log.removeAll()
        files[key] = nil
        end(key)
    }

    /// Deletes all that is kept here of a job.
    func drop(job: String) {
        guard let folder = folder(JobID(job)) else { return }
        for key in files.keys where key.job.rawValue == job { files[key] = nil }
        try? FileManager.default.removeItem(atPath: folder)
    }
}
