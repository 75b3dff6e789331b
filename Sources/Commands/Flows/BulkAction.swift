import Foundation
import NIOHTTP1

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
        var jobs: [Item]
        var next: String?
    }

    /// Does it, or lists what would be done; without `--yes` and `--dry-run` it refuses and says how many.
    func act(_ verb: String, on selection: JobSelection) async throws {
        let isTrial = !selection.yes || selection.dryRun
        let now = session.context.now()
        let isCounted = !selection.dryRun && !selection.yes
        var items: [JSONValue] = []
        var jobs: [Outcome.Item] = []
        var cursor: String?
        repeat {
            let call = APIClient.Call(
                method: .POST, resource: Resource("jobs", verb),
                body: Data(selection.body(dryRun: isTrial, cursor: cursor, now: now).compact.utf8),
                timeout: Self.timeout, purpose: "\(verb) jobs")
            let answer = try await session.client().object(Outcome.self, call)
            items += answer.json["jobs"]?.elements ?? []
            jobs += answer.model.jobs
            // A cursor that does not move would ask for the same jobs for ever.
            guard let next = answer.model.next, next != cursor else { break }
            cursor = next
        } while true
        guard !isCounted else {
            throw CommandError.usage(
                "\(Humane.count(jobs.count, "job")) match, and nothing was done",
                hint: "--yes does it, --dry-run lists them")
        }
        Printer(session: session, options: output).list(
            items, next: .null, empty: "no job matches"
        ) { Self.table(jobs) }
        let failed = jobs.filter { $0.error != nil }
        guard let first = failed.first?.error else { return }
        throw CommandError(
            .failed, "cannot \(verb) \(failed.count) of \(jobs.count) jobs",
            why: first.message, code: first.code)
    }

    /// How long one call may take, in seconds: each hundred jobs wait for the store.
    private static let timeout = 300.0

    private static func table(_ jobs: [Outcome.Item]) -> Table {
        Table(
            columns: [
                .init("ID"), .init("KIND"), .init("STATE", isState: true),
                .init("ERROR", shrinksTo: 12, wraps: true),
            ],
            rows: jobs.map { [$0.id, $0.kind ?? "-", $0.state ?? "-", $0.error?.message ?? ""] })
    }
}
