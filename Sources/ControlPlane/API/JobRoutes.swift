import Crypto
import FleetCore
import Foundation
import HTTPTypes
import Hummingbird
import RedisStore

extension APIServer {
    func addJobs(_ api: RouterGroup<Context>) {
        api.post("/jobs") { request, _ in try await submit(request) }
        api.get("/jobs") { request, _ in try await list(request) }
        api.get("/jobs/:id") { request, context in
            let id = JobID(try name(context, "id"))
            if let text = request.uri.queryParameters["wait"] {
                guard let seconds = Int(text), (0...60).contains(seconds) else {
                    throw APIError.invalid("wait must be 0…60 seconds")
                }
                let goal = request.uri.queryParameters["for"].map(String.init) ?? "ended"
                return try JSONAnswer.response(try await waitFor(id, goal, .seconds(seconds)))
            }
            return try JSONAnswer.response(try await view(id))
        }
        api.post("/jobs/:id/cancel") { _, context in
            let id = JobID(try name(context, "id"))
            try await ask { .cancel($0, id) }
            return try JSONAnswer.response(try await view(id), status: .accepted)
        }
        api.delete("/jobs/:id") { _, context in
            let id = JobID(try name(context, "id"))
            try await ask { .cancel($0, id) }
            return try JSONAnswer.response(try await view(id), status: .accepted)
        }
        api.post("/jobs/:id/retry") { _, context in
            let id = JobID(try name(context, "id"))
            try await ask { .retry($0, id) }
            return try JSONAnswer.response(try await view(id), status: .accepted)
        }
        api.post("/requests") { request, _ in try await understand(request) }
    }

    // MARK: Submitting

    private func submit(_ request: Request) async throws -> Response {
        var job = try JobBody(try await object(request)).request()
        if let key = request.header("Idempotency-Key") {
            guard (1...200).contains(key.utf8.count) else {
                throw APIError.invalid("an Idempotency-Key has 1…200 bytes")
            }
            job.idempotencyKey = key
            job.idempotencyDigest = Self.digest(job)
        }
        return try await accept(job, request) { $0 }
    }

    /// What two requests with one key must share.
    private static func digest(_ job: JobRequest) -> String {
        let text =
            "\(job.kind.rawValue)|\(job.cluster?.rawValue ?? "")|\(job.template?.rawValue ?? "")|"
            + "\(job.image ?? "")|\(job.command)|\(job.input)|\(job.priority)|\(job.retries)"
        return SHA256.hash(data: Data(text.utf8)).prefix(16)
            .map { String($0, radix: 16) }.joined()
    }

    /// Hands a job to the machine, and waits for its end when the caller prefers that.
    private func accept<Answer: Encodable>(
        _ job: JobRequest, _ request: Request, _ shape: (JobView) -> Answer
    ) async throws -> Response {
        let wait = try Self.preferredWait(request)
        let id = mint.mint(at: loop.clock.now)
        guard case .accepted(let accepted, _) = try await ask({ .submit($0, id, job) }) else {
            throw APIError.outcomeUnknown
        }
        guard let wait else {
            return try JSONAnswer.response(shape(try await view(accepted)), status: .accepted)
        }
        let view = try await waitFor(accepted, "ended", wait)
        let ended = JobState(rawValue: view.state)?.isFinal ?? false
        return try JSONAnswer.response(shape(view), status: ended ? .ok : .accepted)
    }

    private static func preferredWait(_ request: Request) throws -> Duration? {
        guard let header = request.header("Prefer") else { return nil }
        for part in header.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            guard pair.first == "wait", pair.count == 2 else { continue }
            guard let seconds = Int(pair[1]), (0...60).contains(seconds) else {
                throw APIError.invalid("Prefer: wait=N takes 0…60 seconds")
            }
            return .seconds(seconds)
        }
        return nil
    }

    private struct Understood: Encodable {
        struct Reading: Encodable {
            var kind: String
            var cluster: String
            var why: String
            var input: [String: JSONValue]
        }
        var job: JobView
        var understood: Reading
    }

    private func understand(_ request: Request) async throws -> Response {
        let fields = try await object(request)
        guard case .string(let text)? = fields["text"],
            !text.allSatisfy(\.isWhitespace), text.utf8.count <= 16 << 10
        else { throw APIError.invalid("text must be a sentence of at most 16 KiB") }
        let fleet = await loop.read { controller, _ in controller.fleet }
        let offers = fleet.clusters.flatMap { cluster in
            cluster.kinds.map { "\($0.rawValue) (cluster \(cluster.name))" }
        }
        guard let reading = Interpreter.understand(text) else {
            throw APIError(
                .unprocessableContent, "cannot_place",
                "I could not tell what kind of work that is; say for example “an image of …” or “say …”",
                details: offers)
        }
        guard let cluster = fleet.cluster(serving: reading.kind) else {
            throw APIError(
                .unprocessableContent, "cannot_place",
                "that asks for \(reading.kind.rawValue), and no cluster here does it",
                details: offers)
        }
        var input = reading.input
        if case .string(let session)? = fields["session"], session.utf8.count <= 128 {
            input["session"] = .string(session)
        }
        let json = String(
            decoding: try JSONAnswer.encode(JSONValue.object(input)).readableBytesView,
            as: UTF8.self)
        let job = JobRequest(kind: reading.kind, input: json)
        let why = "\(reading.why), and cluster \(cluster.name) does \(reading.kind.rawValue)"
        return try await accept(job, request) {
            Understood(
                job: $0,
                understood: .init(
                    kind: reading.kind.rawValue, cluster: cluster.name.rawValue, why: why,
                    input: input))
        }
    }

    // MARK: Looking

    /// A job, from memory or from the store.
    func find(_ id: JobID) async throws -> Job {
        if let job = await loop.read({ controller, _ in controller.jobs[id] }) { return job }
        if let job = try? await store.job(id) { return job }
        throw APIError.notFound("job \(id)")
    }

    func view(_ id: JobID) async throws -> JobView {
        let view = await loop.read { controller, now in
            controller.jobs[id].map { JobView($0, in: controller, at: now) }
        }
        if let view { return view }
        return JobView(try await find(id), in: nil, at: loop.clock.now)
    }

    /// The job when it has reached a state, or as it is when the time is over.
    private func waitFor(_ id: JobID, _ goal: String, _ time: Duration) async throws -> JobView {
        guard goal == "ended" || JobState(rawValue: goal) != nil else {
            throw APIError.invalid("for must be `ended` or a state")
        }
        let (reader, items) = feed.follow()
        defer { feed.unfollow(reader) }
        let now = try await view(id)
        if Self.reached(now.state, goal) { return now }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await item in items {
                    guard case .event(let event) = item, event.job == id, event.kind == .job,
                        let state = event.to
                    else { continue }
                    if Self.reached(state, goal) { return }
                }
            }
            group.addTask { try? await Task.sleep(for: time) }
            await group.next()
            group.cancelAll()
        }
        return try await view(id)
    }

    private static func reached(_ state: String, _ goal: String) -> Bool {
        if state == goal { return true }
        let isFinal = JobState(rawValue: state)?.isFinal ?? false
        return isFinal
    }

    private func list(_ request: Request) async throws -> Response {
        let query = request.uri.queryParameters
        let limit = try limit(request)
        let states = Set((query["state"] ?? "").split(separator: ",").map(String.init))
        let cluster = query["cluster"].map { ClusterName(String($0)) }
        let kind = query["kind"].map(String.init)
        let node = query["node"].map { NodeName(String($0)) }
        let cursor = query["cursor"].map { JobID(String($0)) }
        let oldest = query["order"] == "oldest"
        for state in states where JobState(rawValue: state) == nil && state != "active" {
            throw APIError.invalid(
                "no state is named \(state); states: "
                    + JobState.allCases.map(\.rawValue).joined(separator: ", ") + ", active")
        }
        let page = await loop.read { controller, now in
            var items: [JobView] = []
            let ids = controller.jobs.keys.sorted(by: oldest ? { $0 < $1 } : { $0 > $1 })
            for id in ids {
                if let cursor, oldest ? id <= cursor : id >= cursor { continue }
                guard let job = controller.jobs[id] else { continue }
                let state = job.state
                if !states.isEmpty, !states.contains(state.rawValue),
                    !(states.contains("active") && !state.isFinal)
                {
                    continue
                }
                if let cluster, job.queue != cluster { continue }
                if let kind, job.request.kind.rawValue != kind { continue }
                if let node, !job.attempts.contains(where: { $0.node == node }) { continue }
                if items.count == limit {
                    return Page(items: items, next: items.last?.id)
                }
                items.append(JobView(job, in: controller, at: now))
            }
            return Page(items: items, next: nil)
        }
        return try JSONAnswer.response(page)
    }
}
