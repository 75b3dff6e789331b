import Foundation
import NIOHTTP1

/// Prints a job's log, attempt after attempt, through lost connections.
struct LogFollower {
    let session: Session
    let client: APIClient

    /// Prints the log as it is now, or of one attempt.
    func printAll(_ id: String, attempt: Int?) async throws {
        _ = try await read(id, attempt: attempt, follows: false, skipping: 0)
    }

    /// Prints the log until the job has ended; answers the job.
    func follow(_ id: String, attempt: Int? = nil) async throws -> Fetched<Job> {
        session.farewell = JobFollower.farewell(id)
        let follower = JobFollower(session: session, client: client)
        var wanted = attempt
        var job = try await follower.follow(id, to: .state("running"))
        while true {
            let shown = try await followAttempt(id, wanted ?? job.model.attempt)
            guard attempt == nil else { return try await refresh(id) }
            job = try await nextTurn(id, after: shown)
            let latest = job.model.attempt ?? shown
            if job.model.isEnded, latest <= shown { return job }
            wanted = latest
            session.note("— attempt \(latest)\(job.model.node.map { " on \($0)" } ?? "") —")
        }
    }

    /// Waits until the job has ended or runs in an attempt later than the one shown.
    private func nextTurn(_ id: String, after shown: Int) async throws -> Fetched<Job> {
        while true {
            let follower = JobFollower(session: session, client: client, isShown: false)
            let job = try await follower.follow(id, to: .state("running"))
            if job.model.isEnded || (job.model.attempt ?? shown) > shown { return job }
            try await session.context.pause(.milliseconds(250))
        }
    }

    private func refresh(_ id: String) async throws -> Fetched<Job> {
        try await client.get(Job.self, Resource("jobs", id), purpose: "get job \(id)")
    }

    /// Prints one attempt's log to its end; answers which attempt it was.
    private func followAttempt(_ id: String, _ attempt: Int?) async throws -> Int {
        var printed = 0
        var attempt = attempt
        var failures = 0
        while true {
            let outcome = try await read(id, attempt: attempt, follows: true, skipping: printed)
            attempt = outcome.attempt ?? attempt
            guard let loss = outcome.loss else { return attempt ?? 1 }
            let isProgress = outcome.printed > printed
            printed = outcome.printed
            // The log on the controller only grows: what was printed is skipped the next time.
            // A silent job is no lost connection, so its timeouts do not count.
            guard loss.status == .unreachable else { continue }
            failures = isProgress ? 1 : failures + 1
            guard failures < 60 else { throw loss }
            if failures == 1 { session.note("the log's connection was lost; trying again") }
            try await session.context.pause(.seconds(1))
        }
    }

    private struct Outcome: Sendable {
        var attempt: Int?
        /// How much of the log has been printed by now, in bytes.
        var printed: Int
        /// Why the log stopped before its end.
        var loss: CommandError?
    }

    private func read(
        _ id: String, attempt: Int?, follows: Bool, skipping: Int
    ) async throws -> Outcome {
        let query = [
            ("follow", follows ? "true" : nil), ("attempt", attempt.map(String.init)),
        ]
        let call = APIClient.Call(
            resource: Resource("jobs", id, "logs", query: query),
            purpose: "read the log of job \(id)")
        var outcome = Outcome(attempt: attempt, printed: skipping)
        var wasOpen = false
        var text = LogText(console: session.context.console)
        defer { text.finish() }
        var toSkip = skipping
        do {
            try await client.stream(call) { headers in
                wasOpen = true
                outcome.attempt =
                    headers.first(name: "Jessica-Attempt").flatMap { Int($0) } ?? attempt
            } take: { chunk in
                let fresh = chunk.dropFirst(toSkip)
                toSkip -= chunk.count - fresh.count
                outcome.printed += fresh.count
                text.write(fresh)
            }
        } catch let error as CommandError where error.status.isPassing && follows {
            guard wasOpen || skipping > 0 else { throw error }
            outcome.loss = error
        }
        return outcome
    }
}

/// Log bytes on their way to stdout: exact into a pipe, harmless on a terminal.
private struct LogText {
    let console: any Console
    private var pieces = TextPieces()

    init(console: any Console) { self.console = console }

    mutating func write(_ bytes: some Collection<UInt8>) {
        guard !bytes.isEmpty else { return }
        guard console.outIsTerminal else { return console.writeOut(Data(bytes)) }
        console.writeOut(Data(SafeText.block(pieces.feed(bytes)).utf8))
    }

    mutating func finish() {
        let rest = pieces.finish()
        if !rest.isEmpty { console.writeOut(Data(SafeText.block(rest).utf8)) }
    }
}
