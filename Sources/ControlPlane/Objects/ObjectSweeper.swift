import FleetCore
import Logging
import ObjectStore
import RedisStore

/// Deletes what jobs were given, once no job can need it any more, and what they have made, where
/// that is kept for a time only.
///
/// An input lies there as long as the record has its job. An upload can be the input of new jobs
/// for `keepUploads`, and lies there as long as the record has jobs of that time, so that they can
/// be tried again; longer while one of them is alive. An output is kept for `keepOutputs`, and in
/// any case as long as the record has its job.
struct ObjectSweeper: Sendable {
    let loop: ControlLoop
    let store: FleetStore
    let objects: any ObjectStore
    /// How long an upload is good for new jobs.
    let keepUploads: Duration
    /// How long an output is kept; nil for ever.
    let keepOutputs: Duration?
    let logger: Logger

    /// The first time after so long: a record may be about to be restored.
    private static let firstAfter = Duration.seconds(3_600)
    private static let every = Duration.seconds(6 * 3_600)

    /// Works until cancelled.
    func run() async {
        var pause = Self.firstAfter
        while (try? await Task.sleep(for: pause, clock: .continuous)) != nil {
            do {
                try await sweep()
            } catch {
                guard !Task.isCancelled else { return }
                logger.notice(
                    "old objects are not deleted for now", metadata: ["error": "\(error)"])
            }
            pause = Self.every
        }
    }

    /// Deletes what is over now; how many objects.
    @discardableResult
    func sweep() async throws -> Int {
        try await sweepInputs() + sweepUploads() + sweepOutputs()
    }

    private func sweepInputs() async throws -> Int {
        // A younger one may be of a job that is not stored yet.
        try await objects.deleteOld(
            under: "inputs/", submittedBefore: loop.clock.now - FleetStore.jobRetention,
            where: withoutJob)
    }

    /// Those of some objects whose job the record has not.
    private func withoutJob(_ old: [JobObject]) async throws -> [JobObject] {
        let jobs = Set(old.map(\.job))
        let past = await loop.read { controller, _ -> Set<JobID> in
            jobs.filter { controller.jobs[$0] == nil }
        }
        let found = try await store.readable(past.sorted())
        let gone = past.subtracting(found.jobs.map(\.id)).subtracting(found.damaged)
        return old.filter { gone.contains($0.job) }
    }

    // MARK: Uploads

    /// Before it, no upload can be needed.
    static func uploadHorizon(_ now: Instant, oldestAlive: Instant?, keep: Duration) -> Instant {
        // Of jobs that were accepted while it was longer too, by the default.
        let past = max(keep, FleetStore.jobRetention)
        return min(now - keep - FleetStore.jobRetention, (oldestAlive ?? now) - past)
    }

    private func sweepUploads() async throws -> Int {
        let (oldest, now) = await loop.read { controller, now in
            (controller.jobs.values.filter { $0.ending == nil }.map(\.submittedAt).min(), now)
        }
        let horizon = Self.uploadHorizon(now, oldestAlive: oldest, keep: keepUploads)
        var count = 0
        for try await page in objects.pages(prefix: "uploads/") {
            for object in page {
                // What is none of ours stays.
                let parts = object.key.components
                guard parts.count == 4, let made = JobIDMint.time(of: parts[2]), made < horizon
                else { continue }
                try await objects.delete(object.key)
                count += 1
            }
        }
        return count
    }

    // MARK: Outputs

    private func sweepOutputs() async throws -> Int {
        // A restored record lacks the jobs that were accepted since its backup.
        guard let keepOutputs, try await !store.keepsAllJobs() else { return 0 }
        let oldest = loop.clock.now - keepOutputs
        var count = 0
        for folder in ObjectLayout.outputFolders {
            count += try await objects.deleteOld(
                under: "outputs/\(folder)/", submittedBefore: oldest
            ) { old in
                // Their jobs may have waited for long, or have been tried again.
                try await withoutJob(old.filter { $0.isWritten(before: oldest) })
            }
        }
        if count > 0 {
            logger.info("old outputs are deleted", metadata: ["objects": "\(count)"])
        }
        return count
    }
}

extension JobObject {
    /// Whether it was written before an instant; also when the store does not say.
    fileprivate func isWritten(before instant: Instant) -> Bool {
        info.modified.map { Int64($0) < instant.nanoseconds / 1_000_000_000 } ?? true
    }
}
