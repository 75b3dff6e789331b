import FleetCore
import HTTPTypes
import Hummingbird
import JobCatalogue

/// Actions on all jobs that a filter chooses.
extension APIServer {
    /// Jobs acted on at once: their answers come with one batch of the store.
    private static let bulkWidth = 100

    func addBulkActions(_ api: RouterGroup<Context>) {
        api.post("/jobs/cancel") { request, _ in
            let alive = Set(JobState.allCases.filter { !$0.isFinal })
            return try await act(request, on: alive) { .cancel($0, $1) }
        }
        api.post("/jobs/retry") { request, _ in
            try await act(request, on: [.failed, .cancelled]) { .retry($0, $1) }
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
        var more: Bool
        var jobs: [Item]
    }

    private func act(
        _ request: Request, on states: Set<JobState>,
        _ event: @escaping @Sendable (FleetCore.RequestID, JobID) -> ControllerEvent
    ) async throws -> Response {
        var action = try BulkBody(try await object(request))
        let wanted = action.filter.states
        action.filter.states = wanted.isEmpty ? states : wanted.intersection(states)
        var page = JobCatalogue.Page()
        if !action.filter.states.isEmpty {
            page = try await self.page(action.filter, order: .oldest, limit: action.limit)
        }
        var failures: [JobID: Result.Item.Failure] = [:]
        if !action.dryRun {
            try requireStore()
            failures = await each(page.ids, event)
        }
        let items = try await views(page.ids).map { job in
            Result.Item(
                id: job.id, kind: job.kind, state: job.state, error: failures[JobID(job.id)])
        }
        return try JSONAnswer.response(
            Result(
                dryRun: action.dryRun, matched: items.count, more: page.hasMore, jobs: items))
    }

    /// Asks the machine for each; what could not be done, by job.
    private func each(
        _ ids: [JobID],
        _ event: @escaping @Sendable (FleetCore.RequestID, JobID) -> ControllerEvent
    ) async -> [JobID: Result.Item.Failure] {
        var failures: [JobID: Result.Item.Failure] = [:]
        for start in stride(from: 0, to: ids.count, by: Self.bulkWidth) {
            await withTaskGroup(of: (JobID, APIError?).self) { group in
                for id in ids[start..<min(start + Self.bulkWidth, ids.count)] {
                    group.addTask {
                        do {
                            try await ask { event($0, id) }
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
        }
        return failures
    }
}

/// The body of an action on many jobs, checked field by field.
struct BulkBody {
    /// Which jobs.
    var filter: JobFilter
    /// Whether to say only which they are.
    let dryRun: Bool
    /// The most jobs to act on.
    let limit: Int

    private static let known: Set<String> = ["filter", "all", "dryRun", "limit"]
    private static let limits = 1...10_000

    init(_ fields: [String: JSONValue]) throws {
        for key in fields.keys.sorted() where !Self.known.contains(key) {
            throw APIError.invalid(
                "unknown field `\(key)`; known: \(Self.known.sorted().joined(separator: ", "))")
        }
        guard case .object(let wanted)? = fields["filter"] else {
            throw APIError.invalid("`filter` must be an object, as for the list of jobs")
        }
        filter = try JobFilter(body: wanted)
        dryRun = try Self.flag(fields, "dryRun")
        let all = try Self.flag(fields, "all")
        // A filter that was left empty by mistake must not choose everything.
        guard !filter.isEmpty || all else {
            throw APIError.impossible(
                "an empty filter chooses every job: say `\"all\": true` if so")
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
