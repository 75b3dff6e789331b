import FleetCore
import HTTPTypes
import Hummingbird
import JobCatalogue

/// Actions on all jobs that a filter chooses.
extension APIServer {
    /// Jobs acted on at once: their answers come with one batch of the store.
    private static let bulkWidth = 100
    /// Jobs tried again at once: each may bring a whole plan back from the record.
    private static let retryWidth = 4

    func addBulkActions(_ api: RouterGroup<Context>) {
        api.post("/jobs/cancel") { request, context in
            let alive = Set(JobState.allCases.filter { !$0.isFinal })
            return try await act(request, context, on: alive) { id in
                try await cancel(id)
            }
        }
        api.post("/jobs/retry") { request, context in
            try await act(
                request, context, on: [.failed, .cancelled], atOnce: Self.retryWidth
            ) { id in
                let recalled = try await recall(id)
                try await ask { .retry($0, id, recalled: recalled) }
            }
        }
    }

    private struct Result: Encodable {
        struct Item: Encodable, Sendable {
            struct Failure: Encodable, Sendable {
                var code: String
                var message: String
            }
            var id: String
            var kind: String
            var state: String
            var error: Failure?
        }
        var dryRun: Bool
        var matched: Int
        var jobs: [Item]
        var next: Nullable<String>
    }

    private func act(
        _ request: Request, _ context: Context, on possible: Set<JobState>,
        atOnce width: Int = bulkWidth, _ action: @escaping @Sendable (JobID) async throws -> Void
    ) async throws -> Response {
        var wish = try BulkBody(try await object(request, known: BulkBody.known))
        // Of all those that the filter chooses, one's own.
        let caller = context.caller
        if !caller.may(.operator) {
            try caller.requireOwn(wish.filter.submitter ?? caller.name, "the work chosen")
            wish.filter.submitter = caller.name
        }
        let wanted = wish.filter.states
        let states = wanted.isEmpty ? possible : wanted.intersection(possible)
        wish.filter.states = states
        var page = JobCatalogue.Page()
        if !states.isEmpty {
            page = try await self.page(
                wish.filter, after: wish.cursor, order: .oldest, limit: wish.limit)
        }
        let what = wish.dryRun ? "dry run, " : ""
        context.remark.say("\(what)\(page.ids.count) jobs of \(wish.text)")
        var failures: [JobID: Result.Item.Failure] = [:]
        if !wish.dryRun {
            try requireStore()
            for start in stride(from: 0, to: page.ids.count, by: width) {
                let part = page.ids[start..<min(start + width, page.ids.count)]
                // Time has passed since the page was read.
                let now = await self.states(of: Array(part))
                var still: [JobID] = []
                for id in part {
                    // The machine itself speaks for those that it does not have in memory.
                    guard let state = now[id], !states.contains(state) else {
                        still.append(id)
                        continue
                    }
                    failures[id] = .init(
                        code: "conflict", message: "it is \(state.rawValue) by now")
                }
                failures.merge(await each(still, action)) { $1 }
            }
        }
        let now = await self.states(of: page.ids)
        let items = page.entries.map { entry in
            Result.Item(
                id: entry.id.rawValue, kind: entry.kind,
                state: now[entry.id]?.rawValue ?? entry.state, error: failures[entry.id])
        }
        return try JSONAnswer.response(
            Result(
                dryRun: wish.dryRun, matched: items.count, jobs: items,
                next: Nullable(page.next?.description)))
    }

    /// The states of those that are in memory.
    private func states(of ids: [JobID]) async -> [JobID: JobState] {
        await loop.read { controller, _ in
            var states: [JobID: JobState] = [:]
            for id in ids { states[id] = controller.jobs[id]?.state }
            return states
        }
    }

    /// Asks the machine for each; what could not be done, by job.
    private func each(
        _ ids: [JobID], _ action: @escaping @Sendable (JobID) async throws -> Void
    ) async -> [JobID: Result.Item.Failure] {
        var failures: [JobID: Result.Item.Failure] = [:]
        await withTaskGroup(of: (JobID, APIError?).self) { group in
            for id in ids {
                group.addTask {
                    do {
                        try await action(id)
                        return (id, nil)
                    } catch {
                        return (id, error as? APIError ?? .outcomeUnknown)
                    }
                }
            }
            for await (id, error) in group {
                failures[id] = error.map { .init(code: $0.code, message: $0.message) }
            }
        }
        return failures
    }
}

/// The body of an action on many jobs, checked field by field.
struct BulkBody {
    /// Which jobs.
    var filter: JobFilter
    /// The filter as it was given.
    let text: String
    /// Whether to say only which they are.
    let dryRun: Bool
    /// The most jobs to act on.
    let limit: Int
    /// Where to begin; nil for the first.
    let cursor: JobCatalogue.Cursor?

    /// The members that it has.
    static let known: Set<String> = ["filter", "all", "dryRun", "limit", "cursor"]
    private static let limits = 1...10_000

    init(_ fields: [String: JSONValue]) throws {
        guard case .object(let wanted)? = fields["filter"] else {
            throw APIError.invalid("`filter` must be an object, as for the list of jobs")
        }
        filter = try JobFilter(body: wanted)
        text = try JSONValue.object(wanted).text
        dryRun = try Self.flag(fields, "dryRun")
        let all = try Self.flag(fields, "all")
        // A filter that was left empty by mistake must not choose everything.
        guard !filter.isEmpty || all else {
            throw APIError.impossible(
                "an empty filter chooses every job: say `\"all\": true` if so")
        }
        switch fields["cursor"] {
        case nil, .null?: cursor = nil
        case .string(let text)?: cursor = try APIServer.cursor(text)
        default: throw APIError.invalid("`cursor` must be a text")
        }
        switch fields["limit"] {
        case nil, .null?: limit = 1_000
        case .int(let number)? where Self.limits.contains(Int(clamping: number)):
            limit = Int(clamping: number)
        default:
            throw APIError.invalid(
                "`limit` must be \(Self.limits.lowerBound)…\(Self.limits.upperBound)")
        }
    }

    private static func flag(_ fields: [String: JSONValue], _ name: String) throws -> Bool {
        switch fields[name] {
        case nil, .null?: false
        case .bool(let value)?: value
        default: throw APIError.invalid("`\(name)` must be true or false")
        }
    }
}
