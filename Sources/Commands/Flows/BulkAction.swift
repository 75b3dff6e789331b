/// An action on all jobs that a filter chooses.
struct BulkAction {
    let session: Session
    let output: OutputOptions

    private struct Outcome: Decodable {
        struct Item: Decodable {
            var id: String
            var kind: String?
            var state: String?
            var error: Job.Failure?
        }
        var matched: Int
        var more: Bool?
        var jobs: [Item]
    }

    /// Does it, or lists what would be done; without `--yes` and `--dry-run` it refuses and says how many.
    func act(_ verb: String, on selection: JobSelection) async throws {
        let isTrial = !selection.yes || selection.dryRun
        let body = selection.body(dryRun: isTrial, now: session.context.now())
        let answer = try await session.client().post(
            Outcome.self, Resource("jobs", verb), body, purpose: "\(verb) jobs")
        let outcome = answer.model
        let count = "\(outcome.matched)\(outcome.more == true ? " or more" : "")"
        guard selection.dryRun || selection.yes else {
            throw CommandError.usage(
                "\(count) jobs match, and nothing was done",
                hint: "--yes does it, --dry-run lists them")
        }
        let items = answer.json["jobs"]?.elements ?? []
        Printer(session: session, options: output).list(
            items, next: .null, empty: "no job matches"
        ) { Self.table(outcome.jobs) }
        if outcome.more == true {
            session.note("there are more; the same command goes on with them")
        }
        let failed = outcome.jobs.filter { $0.error != nil }
        guard let first = failed.first?.error else { return }
        throw CommandError(
            .failed, "cannot \(verb) \(failed.count) of \(outcome.matched) jobs",
            why: first.message, code: first.code)
    }

    private static func table(_ jobs: [Outcome.Item]) -> Table {
        Table(
            columns: [
                .init("ID"), .init("KIND"), .init("STATE", isState: true),
                .init("ERROR", shrinksTo: 12, wraps: true),
            ],
            rows: jobs.map { [$0.id, $0.kind ?? "-", $0.state ?? "-", $0.error?.message ?? ""] })
    }
}
