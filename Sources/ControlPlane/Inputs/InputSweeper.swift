import FleetCore
import Logging
import ObjectStore
import RedisStore

/// Deletes what jobs were given, once no job can need it any more.
///
/// An input lies there as long as the record has its job. An upload can be the input of new jobs for `keep`,
/// and lies there as long as the record has jobs of that time, so that they can be tried again; longer while
/// one of them is alive.
struct InputSweeper: Sendable {
    let loop: ControlLoop
    let store: FleetStore
    let objects: any ObjectStore
    /// How long an upload is good for new jobs.
    let keep: Duration
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
                logger.notice("old inputs are not deleted for now", metadata: ["error": "\(error)"])
            }
            pause = Self.every
        }
    }

    /// Deletes what is over now; how many objects.
    @discardableResult
    func sweep() async throws -> Int { try await sweepInputs() + sweepUploads() }

    private func sweepInputs() async throws -> Int {
        // A younger one may be of a job that is not stored yet.
        let oldest = loop.clock.now - FleetStore.jobRetention
        var count = 0
        for try await page in objects.pages(prefix: "inputs/") {
            // In the order of the jobs' ids, and so of their times.
            let old = page.compactMap { object -> (key: ObjectKey, job: JobID)? in
                let name = UploadedFile.name(of: object.key)
                guard name.hasSuffix(".json"), let made = JobIDMint.time(of: name.dropLast(5)),
                    made < oldest
                else { return nil }
                return (object.key, JobID(String(name.dropLast(5))))
            }
            if old.isEmpty, !page.isEmpty { return count }
            let known = try await kept(old.map(\.job))
            for (key, job) in old where !known.contains(job) {
                try await objects.delete(key)
                count += 1
            }
        }
        return count
    }

    /// Those of some jobs that the record has.
    private func kept(_ jobs: [JobID]) async throws -> Set<JobID> {
        let past = await loop.read { controller, _ in jobs.filter { controller.jobs[$0] == nil } }
        let found = try await store.readable(past)
        return Set(jobs).subtracting(past).union(found.jobs.map(\.id)).union(found.damaged)
    }

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
        let horizon = Self.uploadHorizon(now, oldestAlive: oldest, keep: keep)
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
}
