/// What a followed job's end means for the command.
enum JobEnd {
    /// Throws unless the job succeeded.
    static func check(_ job: Job) throws {
        guard job.state != "succeeded" else { return }
        throw failure(job)
    }

    /// The error for a job that failed or was cancelled.
    static func failure(_ job: Job) -> CommandError {
        guard job.state == "failed" else {
            return CommandError(
                .failed, "job \(job.id) was \(job.state ?? "ended")", why: job.reason)
        }
        let attempts = job.attempts?.count ?? 0
        return CommandError(
            .failed, "job \(job.id) failed", why: job.error?.message ?? job.reason,
            details: attempts > 1 ? ["after \(attempts) attempts"] : [],
            hint: "`jctl logs \(job.id)` shows its log, `jctl retry \(job.id)` tries it again",
            code: job.error?.code)
    }

    /// The exit code of the job's own process in its last attempt, clamped to 1…255; nil without one.
    static func exitCode(_ job: Job) -> Int32? {
        guard let code = job.attempts?.last?.exitCode, code != 0 else { return nil }
        return Int32(min(255, max(1, code < 0 ? 255 : code)))
    }
}
