import FleetCore
import ObjectStore

/// What lies in the object store for a job.
struct JobObject: Sendable {
    let info: ObjectInfo
    let job: JobID
    /// When the job was submitted.
    let submittedAt: Instant

    /// Reads the key of an object; nil when that is none of ours.
    init?(_ info: ObjectInfo) {
        guard let id = ObjectLayout.job(of: info.key), let time = JobIDMint.time(of: id) else {
            return nil
        }
        self.info = info
        job = JobID(id)
        submittedAt = time
    }
}

extension ObjectStore {
    /// Deletes what lies under a prefix for jobs whose time is over; how many objects.
    ///
    /// `over` chooses, a page at a time, among those of jobs that were submitted before an instant.
    /// What is none of ours stays.
    @discardableResult
    func deleteOld(
        under prefix: String, submittedBefore instant: Instant,
        where over: ([JobObject]) async throws -> [JobObject]
    ) async throws -> Int {
        var count = 0
        for try await page in pages(prefix: prefix) {
            // In the order of the jobs' ids, and so of their times.
            let ours = page.compactMap { JobObject($0) }
            let old = Array(ours.prefix { $0.submittedAt < instant })
            if !old.isEmpty {
                for object in try await over(old) {
                    try await delete(object.info.key)
                    count += 1
                }
            }
            if old.count < ours.count { break }
        }
        return count
    }
}
