import FleetCore
import Foundation
package import Logging
import ObjectStore
package import RedisStore
import Synchronization

/// Makes backups of the record, one at a time.
package final class BackupDesk: Sendable {
    /// How a backup is going.
    enum Progress: Sendable {
        case running
        case done(BackupManifest)
        case failed(String)
    }

    /// One that was begun.
    private struct Request: Sendable {
        let name: String
        let isAutomatic: Bool
    }

    private struct State {
        var running: String?
        /// Ends of the latest ones, for those who ask.
        var ended: [(name: String, how: Progress)] = []
        var waiting: [UInt64: (name: String, continuation: CheckedContinuation<Void, Never>)] = [:]
        var lastWaiting: UInt64 = 0
        var latest: Double?

        mutating func note(_ manifest: BackupManifest) {
            guard let at = RFC3339.milliseconds(manifest.at) else { return }
            latest = max(latest ?? 0, Double(at) / 1_000)
        }
    }

    private let loop: ControlLoop
    private let store: FleetStore
    private let inputs: InputStore
    let folder: BackupFolder
    private let scratch: String
    private let logger: Logger
    private let pause: @Sendable (Duration) async throws -> Void
    private let state = Mutex(State())
    private let requests: AsyncStream<Request>
    private let request: AsyncStream<Request>.Continuation

    /// Ends that are remembered.
    private static let endedKept = 16
    /// After how long an object store that does not answer is asked again.
    private static let lookAgain = Duration.seconds(60)
    /// The pauses after which it is asked again for a job's input, before a backup fails.
    private static let inputPauses: [Duration] = [
        .seconds(1), .seconds(2), .seconds(4), .seconds(8),
    ]

    /// Makes a desk that writes archives to `scratch` before they go to the object store.
    package init(
        loop: ControlLoop, store: FleetStore, inputs: InputStore, scratch: String,
        logger: Logger,
        pause: @escaping @Sendable (Duration) async throws -> Void = {
            try await Task.sleep(for: $0, clock: .continuous)
        }
    ) {
        self.loop = loop
        self.store = store
        self.inputs = inputs
        folder = BackupFolder(objects: inputs.objects)
        self.scratch = scratch
        self.logger = logger
        self.pause = pause
        (requests, request) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
    }

    /// Makes what is asked for, until cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.lookUntilFound() }
            group.addTask { await self.makeRequested() }
        }
    }

    private func makeRequested() async {
        for await request in requests {
            let name = request.name
            let how: Progress
            do {
                let manifest = try await make(request)
                logger.notice(
                    "backup made",
                    metadata: [
                        "backup": "\(name)", "bytes": "\(manifest.size)",
                        "jobs": "\(manifest.counts.jobs)",
                    ])
                how = .done(manifest)
            } catch {
                logger.error("backup failed", metadata: ["backup": "\(name)", "error": "\(error)"])
                how = .failed("\(error)")
            }
            end(name, how)
        }
    }

    /// Begins one, and says its name; nil when one is being made.
    ///
    /// One that is `automatic` nobody has asked for.
    func begin(automatic: Bool = false) -> String? {
        let name = BackupManifest.name(at: loop.clock.now)
        let isTaken = state.withLock { state in
            guard state.running == nil else { return false }
            state.running = name
            return true
        }
        guard isTaken else { return nil }
        request.yield(Request(name: name, isAutomatic: automatic))
        return name
    }

    /// How a backup that was begun in this life is going; nil when it is none of the latest.
    func progress(of name: String) -> Progress? {
        state.withLock { state in
            if state.running == name { return .running }
            return state.ended.last { $0.name == name }?.how
        }
    }

    /// Waits until a backup has ended, or that long.
    func wait(for name: String, atMost patience: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            let id = state.withLock { state in
                state.lastWaiting += 1
                return state.lastWaiting
            }
            group.addTask { [self] in
                await withCheckedContinuation { continuation in
                    let isOver = state.withLock { state in
                        // The time may be over before this has begun.
                        guard state.running == name, !Task.isCancelled else { return true }
                        state.waiting[id] = (name, continuation)
                        return false
                    }
                    if isOver { continuation.resume() }
                }
            }
            group.addTask { try? await Task.sleep(for: patience) }
            await group.next()
            group.cancelAll()
            state.withLock { $0.waiting.removeValue(forKey: id) }?.continuation.resume()
        }
    }

    // MARK: The latest

    /// The moment that the latest backup shows, in seconds since 1970; nil while none is known of.
    var latest: Double? { state.withLock { $0.latest } }

    /// Looks for the latest one that an earlier controller has made.
    func look() async throws {
        guard let found = try await folder.list(limit: 1).first else { return }
        state.withLock { $0.note(found) }
    }

    private func lookUntilFound() async {
        await untilItSucceeds(
            pausing: Self.lookAgain,
            tell: {
                logger.notice("latest backup is not known for now", metadata: ["error": "\($0)"])
            }, look)
    }

    // MARK: Making one

    private func end(_ name: String, _ how: Progress) {
        let waiting = state.withLock { state in
            if case .done(let manifest) = how { state.note(manifest) }
            state.running = nil
            state.ended.append((name, how))
            if state.ended.count > Self.endedKept { state.ended.removeFirst() }
            let over = state.waiting.filter { $0.value.name == name }
            for id in over.keys { state.waiting[id] = nil }
            return over.values.map(\.continuation)
        }
        for continuation in waiting { continuation.resume() }
    }

    /// A job with all of its input, for an archive that may be all that is left one day; the large ones of jobs
    /// that have ended are not in it.
    ///
    /// Throws when the object store stays away, where the backup would lie.
    private func whole(_ job: Job) async throws -> Job {
        guard let stored = job.request.stored,
            job.ending == nil || stored.size <= InputStore.inlineMax
        else { return job }
        do {
            return job.holding(input: try await input(of: job))
        } catch let error as ObjectStoreError
            where [.notFound, .badResponse, .tooLarge].contains(error.code)
        {
            logger.warning(
                "backup has not all of a job's input",
                metadata: ["job": "\(job.id)", "error": "\(error)"])
            return job
        }
    }

    /// All of a job's input; one hiccup of the object store shall not cost all of a backup.
    private func input(of job: Job) async throws -> String {
        for wait in Self.inputPauses {
            do {
                return try await inputs.whole(job.id, job.request)
            } catch let error as ObjectStoreError
                where [.unavailable, .timeout].contains(error.code)
            {
                try await pause(wait)
            }
        }
        return try await inputs.whole(job.id, job.request)
    }

    private func make(_ request: Request) async throws -> BackupManifest {
        let path = scratch
        try? FileManager.default.removeItem(atPath: path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        // Handed out once it is stored, and so the state between two batches.
        let recalls = loop.recalls
        let (snapshot, moment) = await loop.read { controller, now in
            recalls.begin()
            return (controller.snapshot, now)
        }
        defer { recalls.end() }
        let damaged = Atomic<Int>(0)
        let summary = try await store.archive(
            snapshot, at: moment, recalls: recalls, term: loop.term, version: Version.number,
            to: path, whole: { [self] in try await whole($0) }
        ) { [logger] id in
            logger.warning("backup leaves out a damaged job", metadata: ["job": "\(id)"])
            damaged.add(1, ordering: .relaxed)
        }
        let manifest = BackupManifest(
            name: request.name, summary: summary, damaged: damaged.load(ordering: .relaxed),
            isAutomatic: request.isAutomatic)
        try await folder.put(path, manifest)
        return manifest
    }
}
