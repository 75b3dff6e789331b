import FleetCore
import Foundation
import Logging
import NIOCore
import ObjectStore
import RedisStore

/// Moves ended logs to the object store, and deletes them when their time is over.
struct LogArchive: Sendable {
    let store: LogStore
    let objects: any ObjectStore
    let loop: ControlLoop
    /// The record of jobs, for when those ended that are no longer in memory.
    let record: FleetStore
    /// How long a log is kept, from when its job ended.
    let keep: Duration
    let logger: Logger

    /// How often what was missed is looked for.
    static let sweepEvery = Duration.seconds(60)
    static let sweepsPerExpiry = 60
    /// How long the last piece of an ended attempt's log is waited for: its node may be away.
    static let patience: TimeInterval = 600
    /// The most bytes of logs on the disk; beyond it those of the oldest jobs are deleted.
    static let localBytesMax = 2 << 30
    /// The most bytes of a log that is in the object store already, as several leaders may leave one.
    private static let storedBytesMax = 64 << 20

    /// Works until cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { for await key in store.endings { await move(key) } }
            group.addTask {
                var sweeps = 0
                while !Task.isCancelled {
                    await sweep()
                    if sweeps % Self.sweepsPerExpiry == 0 { await expire() }
                    sweeps += 1
                    try? await Task.sleep(for: Self.sweepEvery, clock: .continuous)
                }
            }
        }
    }

    /// Moves a log; what cannot be moved now is tried again by the next sweep.
    ///
    /// It may be there from another leader, whom the node has told other pieces of it: the two are joined.
    func move(_ key: AttemptKey) async {
        do {
            let local = try await store.whole(key, now: loop.clock.now)
            guard !local.isEmpty else { return }
            let object = try ObjectLayout.log(job: key.job.rawValue, attempt: key.number)
            let stored = try await stored(object)
            // What lies there and is no log is of no use to anybody.
            let text = (try? LogText.joined(stored, local)) ?? local
            if text != stored {
                try await objects.put(
                    object, .bytes(ByteBuffer(bytes: text)),
                    contentType: "text/plain; charset=utf-8")
            }
            try await store.moved(key)
        } catch {
            guard !Task.isCancelled else { return }
            logger.notice(
                "log of an attempt stays on the disk for now",
                metadata: ["attempt": "\(key)", "error": "\(error)"])
        }
    }

    /// What is in the object store of a log; empty when nothing is.
    private func stored(_ object: ObjectKey) async throws(ObjectStoreError) -> [UInt8] {
        do {
            let body = try await objects.get(object, range: nil).body
                .collect(limit: Self.storedBytesMax)
            return Array(body.readableBytesView)
        } catch {
            guard error.code == .notFound else { throw error }
            return []
        }
    }

    /// Moves what has ended, also what a former life left and what lacks its last piece.
    func sweep() async {
        let local = await store.local()
        let quiet = local.filter { -$0.modified.timeIntervalSinceNow > Self.patience }.map(\.key)
        let over = await loop.read { controller, _ in
            quiet.filter { controller.jobs[$0.job]?.attempt($0.number)?.state.isFinal ?? true }
        }
        for key in over { await store.end(key) }
        for log in local where log.isEnded { await move(log.key) }
        await bound()
    }

    /// Deletes the oldest when the object store has taken none for too long.
    private func bound() async {
        let local = await store.local()
        var bytes = local.reduce(0) { $0 + $1.bytes }
        for log in local where log.isEnded && bytes > Self.localBytesMax {
            bytes -= log.bytes
            await store.drop(log.key)
            logger.warning(
                "log of an attempt is deleted: the object store takes none and the disk has its bound",
                metadata: ["attempt": "\(log.key)"])
        }
    }

    /// Deletes logs whose time is over, in both places.
    func expire() async {
        let oldest = loop.clock.now - keep
        do {
            let local = await store.jobs().filter { job in
                JobIDMint.time(of: job).map { $0 < oldest } ?? false
            }
            for job in try await ended(local.map { JobID($0) }, before: oldest) {
                await store.drop(job: job.rawValue)
            }
            try await objects.deleteOld(under: "logs/", submittedBefore: oldest) { old in
                let over = try await ended(old.map(\.job), before: oldest)
                return old.filter { over.contains($0.job) }
            }
        } catch {
            guard !Task.isCancelled else { return }
            logger.notice("old logs are not deleted for now", metadata: ["error": "\(error)"])
        }
    }

    /// Those of some jobs that ended before an instant, and those that nobody knows any more.
    ///
    /// One that was submitted long ago may have waited as long, or have been tried again since.
    private func ended(_ jobs: [JobID], before instant: Instant) async throws -> Set<JobID> {
        let ids = Set(jobs)
        let (kept, past) = await loop.read { controller, _ in
            (
                ids.filter { id in
                    controller.jobs[id].map { $0.ending.map { $0.at >= instant } ?? true } ?? false
                },
                ids.filter { controller.jobs[$0] == nil }
            )
        }
        let found = try await record.readable(past.sorted())
        let late = found.jobs.filter { $0.ending.map { $0.at >= instant } ?? true }.map(\.id)
        return ids.subtracting(kept).subtracting(late).subtracting(found.damaged)
    }
}
