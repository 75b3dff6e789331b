import Foundation
import NIOHTTP1

/// What of a job's log is wanted, and how it is shown.
struct LogWish: Sendable {
    /// Only this attempt.
    var attempt: Int?
    /// Only the last so many lines, of the last attempt.
    var tail: Int?
    /// Only what was written so lately, as in `10m`.
    var since: String?
    /// Whether each line begins with its time.
    var timestamps = false
    /// Whether a terminal gets the bytes as the job wrote them.
    var isRaw = false
}

/// Prints a job's log, attempt after attempt, through lost connections.
struct LogFollower {
    let session: Session
    let client: APIClient
    var wish = LogWish()

    /// Prints the log as it is now.
    func printAll(_ id: String) async throws {
        let job = try await refresh(id)
        let attempts = job.model.attempts?.compactMap(\.attempt) ?? []
        guard wish.attempt == nil, wish.tail == nil, attempts.count > 1 else {
            _ = try await printAttempt(id, wish.attempt, tail: wish.tail, follows: false)
            return
        }
        for attempt in attempts {
            divide(attempt, job.model)
            _ = try await printAttempt(id, attempt, tail: nil, follows: false)
        }
    }

    /// Prints the log until the job has ended; answers the job.
    func follow(_ id: String) async throws -> Fetched<Job> {
        session.farewell = JobFollower.farewell(id)
        let follower = JobFollower(session: session, client: client)
        var job = try await follower.follow(id, to: .state("running"))
        // From the beginning means the first attempt's; the tail is that of the last one.
        let first = wish.tail == nil ? job.model.attempts?.first?.attempt : nil
        var wanted = wish.attempt ?? first ?? job.model.attempt
        var tail = wish.tail
        while true {
            if wish.attempt == nil, (job.model.attempt ?? 1) > 1 {
                divide(wanted ?? job.model.attempt ?? 1, job.model)
            }
            let shown = try await printAttempt(
                id, wanted ?? job.model.attempt, tail: tail, follows: true)
            // What is written from now on is wanted whole.
            tail = nil
            guard wish.attempt == nil else { return try await refresh(id) }
            job = try await nextTurn(id, after: shown)
            if job.model.isEnded, (job.model.attempt ?? shown) <= shown { return job }
            // Numbers may be left out: behind a restored backup they go on far above.
            let numbers = job.model.attempts?.compactMap(\.attempt) ?? []
            wanted = numbers.first { $0 > shown } ?? job.model.attempt
        }
    }

    private func divide(_ attempt: Int, _ job: Job) {
        let node =
            job.attempts?.first { $0.attempt == attempt }?.node
            ?? (attempt == job.attempt ? job.node : nil)
        session.note("— attempt \(attempt)\(node.map { " on \($0)" } ?? "") —")
    }

    /// Waits until the job has ended or runs in an attempt later than the one shown.
    private func nextTurn(_ id: String, after shown: Int) async throws -> Fetched<Job> {
        try await JobFollower(session: session, client: client, isShown: false)
            .follow(id, to: .attempt(after: shown))
    }

    private func refresh(_ id: String) async throws -> Fetched<Job> {
        try await client.get(Job.self, Resource("jobs", id), purpose: "get job \(id)")
    }

    /// Prints one attempt's log, to its end or as it is now; answers which attempt it was.
    private func printAttempt(
        _ id: String, _ attempt: Int?, tail: Int?, follows: Bool
    ) async throws -> Int {
        var attempt = attempt
        var from: UInt64?
        var failures = 0
        var text = LogPrinter(
            console: session.context.console, timestamps: wish.timestamps, isRaw: wish.isRaw)
        defer { text.finish() }
        while true {
            let outcome = try await read(
                id, attempt: attempt, follows: follows, from: from, tail: tail, to: &text)
            attempt = outcome.attempt ?? attempt
            guard let loss = outcome.loss else { return attempt ?? 1 }
            let isProgress = outcome.offset != from
            from = outcome.offset
            // A silent job is no lost connection, so its timeouts do not count.
            if follows, loss.status == .timedOut { continue }
            failures = isProgress ? 1 : failures + 1
            guard failures < (follows ? 60 : 5) else { throw loss }
            if failures == 1 { session.note("the log's connection was lost; trying again") }
            try await session.context.pause(.seconds(1))
        }
    }

    private struct Outcome: Sendable {
        var attempt: Int?
        /// Where what has not been printed begins in the log; nil when nothing was heard.
        var offset: UInt64?
        /// Why the log stopped before its end.
        var loss: CommandError?
    }

    private func read(
        _ id: String, attempt: Int?, follows: Bool, from: UInt64?, tail: Int?,
        to text: inout LogPrinter
    ) async throws -> Outcome {
        let query = [
            ("format", "cri"), ("follow", follows ? "true" : nil),
            ("attempt", attempt.map(String.init)), ("from", from.map(String.init)),
            ("tail", from == nil ? tail.map(String.init) : nil),
            ("since", from == nil ? wish.since : nil),
        ]
        let call = APIClient.Call(
            resource: Resource("jobs", id, "logs", query: query),
            purpose: "read the log of job \(id)")
        var outcome = Outcome(attempt: attempt, offset: from)
        var wasOpen = false
        var records = LogRecords()
        do {
            try await client.stream(call) { headers in
                wasOpen = true
                outcome.attempt =
                    headers.first(name: "Jessica-Attempt").flatMap { Int($0) } ?? attempt
                outcome.offset =
                    headers.first(name: "Jessica-Log-Offset").flatMap { UInt64($0) } ?? from ?? 0
            } take: { chunk in
                for record in try records.feed(chunk) {
                    text.write(record)
                    let (end, isBeyond) =
                        (outcome.offset ?? 0).addingReportingOverflow(record.span)
                    guard !isBeyond else { throw LogRecords.damage }
                    outcome.offset = end
                }
            }
        } catch let error as CommandError where error.isPassing {
            guard wasOpen || from != nil else { throw error }
            outcome.loss = error
        }
        return outcome
    }
}
