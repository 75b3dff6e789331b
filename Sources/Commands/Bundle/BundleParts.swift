import Foundation

/// A file of a bundle, or why there is none.
struct BundlePart: Sendable {
    /// The file's name in the bundle.
    var file: String
    /// What it holds.
    var about: String
    /// Its text.
    var text: String?
    /// Why it could not be had.
    var why: String?

    /// Creates a part.
    init(_ file: String, _ about: String, text: String? = nil, why: String? = nil) {
        self.file = file
        self.about = about
        self.text = text
        self.why = why
    }

    /// Its line in the bundle's index.
    var index: JSONValue {
        .dictionary([
            ("file", .string(file)), ("holds", .string(about)), ("there", .bool(text != nil)),
            ("bytes", text.map { .int($0.utf8.count) }), ("why", why.map { .string($0) }),
        ])
    }
}

/// A job that has failed.
struct FailedJob: Sendable {
    /// What of it is shown, once the input is taken out of it.
    var shown: JSONValue
    /// What was asked for; nil where nobody knows all of it now.
    var input: InputText?
}

/// Reads what a bundle holds from the controller, without secrets.
struct BundleReader {
    let client: APIClient
    let redactor: Redactor
    let now: Date

    /// Events that are read.
    private static let eventsMax = 2_000
    /// Failed jobs that are read.
    private static let jobsMax = 500
    /// Revisions of the fleet that are read.
    private static let revisionsMax = 10
    private static let purpose = "gather it"

    /// An answer just as the controller gives it.
    func json(_ resource: Resource) async throws -> JSONValue {
        let call = APIClient.Call(resource: resource, purpose: Self.purpose)
        return redactor.json(try await client.send(call).json(Self.purpose))
    }

    /// All items of a list, one a line.
    func list(_ resource: Resource) async throws -> String {
        struct Anything: Decodable, Sendable {}
        let items = try await client.list(Anything.self, resource, purpose: Self.purpose).items
        return lines(items.map { redactor.json($0.json) })
    }

    private func lines(_ items: [JSONValue]) -> String {
        items.map { $0.compact + "\n" }.joined()
    }

    /// The cluster.yaml in force, without its comments.
    func fleet() async throws -> String {
        let call = APIClient.Call(resource: Resource("fleet"), purpose: Self.purpose)
        let fleet = try await client.send(call).json(Self.purpose)
        return try PlainYAML.read(fleet["source"]?.text ?? "", redactor)
    }

    /// What was in force before: number and time of each, and its text like that of the present one.
    func history() async throws -> String {
        let resource = Resource("fleet", "history", query: [("limit", "\(Self.revisionsMax)")])
        let call = APIClient.Call(resource: resource, purpose: Self.purpose)
        let answer = try await client.send(call).json(Self.purpose)
        return lines(
            (answer["items"]?.elements ?? []).map { revision in
                let source = revision["source"]?.text ?? ""
                return .dictionary([
                    ("revision", revision["revision"]), ("appliedAt", revision["appliedAt"]),
                    (
                        "source",
                        .string((try? PlainYAML.read(source, redactor)) ?? "it cannot be read")
                    ),
                ])
            })
    }

    /// The text for Prometheus.
    func metrics() async throws -> String {
        let call = APIClient.Call(resource: .metrics, purpose: Self.purpose)
        let text = String(decoding: try await client.send(call).body, as: UTF8.self)
        return text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { redactor.text(String($0)) }.joined(separator: "\n")
    }

    /// Jobs that failed within a day.
    func failedJobs() async throws -> [FailedJob] {
        let day = now.addingTimeInterval(-86_400)
        let since = now.addingTimeInterval(-2 * 86_400).formatted(.iso8601)
        let resource = Resource("jobs", query: [("state", "failed"), ("since", since)])
        let jobs = try await client.list(
            Job.self, resource, limit: Self.jobsMax, purpose: Self.purpose)
        var failed: [FailedJob] = []
        for job in jobs.items where (job.model.finishedAt?.date ?? now) >= day {
            var json = job.json
            // A list has the beginning of a large input only.
            if Self.isAbridged(json), let id = json["id"]?.text {
                do {
                    json = try await client.get(
                        Job.self, Resource("jobs", id), purpose: Self.purpose
                    ).json
                } catch let error as CommandError where error.status == .notFound {
                    // One that is gone by now is one of which nobody knows all.
                }
            }
            let input = Self.isAbridged(json) ? nil : InputText(Self.asked.compactMap { json[$0] })
            failed.append(FailedJob(shown: Self.members(Self.kept, of: json), input: input))
        }
        return failed
    }

    private static func isAbridged(_ job: JSONValue) -> Bool { job["inputAbridged"] == .bool(true) }

    private static func members(_ names: [String], of job: JSONValue) -> JSONValue {
        .dictionary(names.map { ($0, job[$0]) })
    }

    /// The members of a job that hold what was asked for.
    private static let asked = ["input", "command", "labels"]
    /// The members of a job that say how it went.
    private static let kept = [
        "id", "kind", "state", "cluster", "node", "attempt", "priority", "template", "image",
        "imageDigest", "error", "reason", "submittedAt", "startedAt", "finishedAt", "deadlineAt",
        "cancelRequested", "retrySafe", "attempts", "timeline", "planId", "step", "after",
    ]

    /// Those of them that may quote what was asked for.
    private static let quoting: Set<String> = ["error", "reason", "attempts", "timeline"]

    /// The jobs, one a line, with nothing of what was asked.
    func text(_ jobs: [FailedJob]) -> String {
        let harmless = Self.kept.filter { !Self.quoting.contains($0) }
        return lines(
            jobs.map { job in
                redactor.json(
                    job.input?.finder().removed(from: job.shown)
                        ?? Self.members(harmless, of: job.shown))
            })
    }

    /// The last events; reasons of jobs whose input is not known are left out, as they may quote it.
    func events(_ jobs: [FailedJob]) async throws -> String {
        var inputs: [String: InputText] = [:]
        for job in jobs { if let id = job.shown["id"]?.text { inputs[id] = job.input } }
        let events = try await EventTail.read(client, last: Self.eventsMax)
        var shown = events.map(\.json)
        for (job, places) in Dictionary(grouping: events.indices, by: { events[$0].model.job }) {
            guard let job else { continue }
            let finder = inputs[job]?.finder()
            for place in places {
                shown[place] =
                    finder?.removed(from: shown[place]) ?? Self.withoutReason(shown[place])
            }
        }
        return lines(shown.map { redactor.json($0) })
    }

    private static func withoutReason(_ event: JSONValue) -> JSONValue {
        guard case .object(let members) = event else { return .null }
        return .object(
            members.map { $0.key == "reason" ? .init("reason", .string(Redactor.mark)) : $0 })
    }
}
