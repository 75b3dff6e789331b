import Crypto
import FleetCore
import Foundation
import HTTPTypes
import Hummingbird
import JobCatalogue
import Logging
import RedisStore

extension APIServer {
    func addJobs(_ api: RouterGroup<Context>) {
        api.post("/jobs") { request, context in try await submit(request, context) }
        api.get("/jobs") { request, _ in try await list(request) }
        api.get("/jobs/:id") { request, context in
            try request.requireKnown(["wait", "for"])
            let id = JobID(try name(context, "id"))
            let goal = request.uri.queryParameters["for"].map(String.init) ?? "ended"
            guard goal == "ended" || JobState(rawValue: goal) != nil else {
                throw APIError.invalid("for must be `ended` or a state")
            }
            if let text = request.uri.queryParameters["wait"] {
                guard let seconds = Int(text), (0...60).contains(seconds) else {
                    throw APIError.invalid("wait must be 0…60 seconds")
                }
                let reader = try follow(with: context)
                let view = try await waitFor(id, goal, .seconds(seconds), reader)
                return try JSONAnswer.response(view)
            }
            return try JSONAnswer.response(try await view(id))
        }
        api.post("/jobs/:id/cancel") { _, context in
            let id = try await ownJob(context)
            try await cancel(id)
            return try JSONAnswer.response(try await view(id), status: .accepted)
        }
        api.delete("/jobs/:id") { _, context in
            let id = try await ownJob(context)
            try await cancel(id)
            return try JSONAnswer.response(try await view(id), status: .accepted)
        }
        api.post("/jobs/:id/retry") { _, context in
            let id = try await ownJob(context)
            let recalled = try await recall(id)
            try await ask { .retry($0, id, recalled: recalled) }
            return try JSONAnswer.response(try await view(id), status: .accepted)
        }
        api.post("/requests") { request, context in
            try await understand(request, context)
        }
    }

    // MARK: Submitting

    private func submit(_ request: Request, _ context: Context) async throws -> Response {
        var job = try JobBody(try await object(request, known: JobBody.known)).request()
        job.submitter = context.caller.submitter
        if let key = try Self.idempotencyKey(request) {
            // Without the key, so that it is the digest of the work.
            job.idempotencyDigest = try Self.digest(job)
            job.idempotencyKey = key
        }
        let asked = job
        return try await accept(
            request, context, RequestKey(job), job.idempotencyDigest, { asked }, shape: { $0 })
    }

    /// The job of the path, when the caller may act on it.
    private func ownJob(_ context: Context) async throws -> JobID {
        let id = JobID(try name(context, "id"))
        if !context.caller.may(.operator) {
            let owner = try await find(id).request.submittedBy
            try context.caller.requireOwn(owner, "job \(id)")
        }
        return id
    }

    /// The key that makes a repeated request give the same answer; nil when there is none.
    static func idempotencyKey(_ request: Request) throws -> String? {
        guard let key = request.header("Idempotency-Key") else { return nil }
        guard (1...200).contains(key.utf8.count),
            key.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw APIError.invalid(
                "an Idempotency-Key has 1…200 printable ASCII characters and no space")
        }
        return key
    }

    /// What two requests with one key must share: all that was asked for.
    static func digest(_ what: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return SHA256.hash(data: try encoder.encode(what)).prefix(8).hexadecimal
    }

    /// Hands a job to the machine, unless one was accepted under the key before, and waits for its end when
    /// the caller prefers that.
    ///
    /// `make` is asked only for a new job, so that a repeat does not depend on what has changed since.
    private func accept<Answer: Encodable>(
        _ request: Request, _ context: Context, _ key: RequestKey?, _ digest: String?,
        _ make: () async throws -> JobRequest, shape: (JobView) async throws -> Answer
    ) async throws -> Response {
        let wait = Self.preferredWait(request)
        let (accepted, input) = try await openKeys.hold(key) { () -> (JobID, String?) in
            if let first = try await earlier(key, digest) { return (JobID(first), nil) }
            let member = PlanRequest.Member(
                id: mint.mint(at: loop.clock.now), request: try await make())
            let accepted = try await accept(member)
            // What was just stored need not be read again.
            return (accepted, accepted == member.id ? member.request.input : nil)
        }
        // What was accepted is told, whether it can be waited for or not: repeated it would be done twice.
        guard let wait, let reader = try? follow(with: context) else {
            return try JSONAnswer.response(
                try await shape(try await view(accepted, input: input)), status: .accepted)
        }
        let view = try await waitFor(accepted, "ended", wait, reader, input: input)
        let ended = JobState(rawValue: view.state)?.isFinal ?? false
        return try JSONAnswer.response(try await shape(view), status: ended ? .ok : .accepted)
    }

    /// Hands a job to the machine, and gives its id.
    private func accept(_ member: PlanRequest.Member) async throws -> JobID {
        let recalled = try await recall(awaitedBy: [member])
        return try await preparing([member]) { kept in
            let job = kept[0]
            guard
                case .accepted(let accepted, _) = try await ask({
                    .submit($0, job.id, job.request, recalled: recalled)
                })
            else { throw APIError.outcomeUnknown }
            return (accepted, isNew: accepted == job.id)
        }
    }

    /// How long the caller wants to wait for what comes of a request; nil for not at all.
    static func preferredWait(_ request: Request) -> Duration? {
        guard let header = request.header("Prefer") else { return nil }
        for part in header.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            // What is not understood is no preference, says RFC 7240.
            guard pair.first?.lowercased() == "wait", pair.count == 2,
                let seconds = Int(pair[1]), seconds >= 0
            else { continue }
            return .seconds(min(seconds, 60))
        }
        return nil
    }

    private struct Understood: Encodable {
        struct Reading: Encodable {
            var kind: String
            var cluster: String
            var why: String
            var input: JSONText
        }
        var job: JobView
        var understood: Reading

        /// `job` is the one that the view shows.
        init(_ view: JobView, _ job: Job) {
            self.job = view
            understood = Reading(
                kind: view.kind, cluster: job.queue.rawValue,
                why: job.request.why ?? "it was understood so when it was asked for first",
                input: view.input)
        }
    }

    private func understand(_ request: Request, _ context: Context) async throws -> Response {
        let fields = try await object(request, known: ["text", "session"])
        guard case .string(let text)? = fields["text"],
            !text.allSatisfy(\.isWhitespace), text.unicodeScalars.count <= 16 << 10
        else { throw APIError.invalid("text must be a sentence of at most 16 KiB") }
        let session = try Self.session(fields["session"])
        let submitter = context.caller.submitter
        let key = try Self.idempotencyKey(request)
        // Of what was said, not of what it is taken for.
        let digest = key == nil ? nil : try Self.digest(JSONValue.object(fields))
        return try await accept(
            request, context, RequestKey(.job, key, of: submitter), digest
        ) {
            var job = try await understood(text, session)
            job.submitter = submitter
            job.idempotencyKey = key
            job.idempotencyDigest = digest
            return job
        } shape: { view in
            Understood(view, try await find(JobID(view.id)))
        }
    }

    /// The job that a sentence asks for, in this fleet.
    private func understood(_ text: String, _ session: String?) async throws -> JobRequest {
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
        if let session { input["session"] = .string(session) }
        var job = JobRequest(kind: reading.kind, input: try JSONValue.object(input).text)
        job.why = "\(reading.why), and cluster \(cluster.name) does \(reading.kind.rawValue)"
        return job
    }

    /// The conversation a sentence belongs to.
    private static func session(_ value: JSONValue?) throws -> String? {
        guard let value else { return nil }
        guard case .string(let text) = value, text.unicodeScalars.count <= 128 else {
            throw APIError.invalid("session must be a text of at most 128 characters")
        }
        return text
    }

    /// What the machine has let go of and needs to try a job again: what it waited for too, and its plan,
    /// as what becomes of that depends on all of its jobs.
    func recall(_ id: JobID) async throws -> Recalled {
        try requireStore()
        let hasAll = await loop.read { controller, _ in controller.hasAll(toRetry: id) }
        if hasAll { return Recalled() }
        let job = try await find(id)
        if let plan = job.request.place?.plan {
            do {
                return try await recall(plan)
            } catch let error as APIError where error.status == .notFound {}
        }
        return Recalled(jobs: try await past([id] + job.request.after.map(\.job)))
    }

    /// The same to try a plan again.
    func recall(_ id: PlanID) async throws -> Recalled {
        let (plan, isAlive) = (
            try await findPlan(id),
            await loop.read { controller, _ in controller.openJobs(of: id) > 0 }
        )
        // One that is alive has all of its jobs; else any of them may be let go of at any moment.
        return isAlive ? Recalled() : Recalled(plan: plan, jobs: try await stored(plan.jobs))
    }

    /// The same to accept new jobs: those that they wait for, other than one another.
    func recall(awaitedBy jobs: [PlanRequest.Member]) async throws -> Recalled {
        let awaited = Set(jobs.flatMap { $0.request.after.map(\.job) })
            .subtracting(jobs.map(\.id))
        if awaited.isEmpty { return Recalled() }
        guard awaited.count <= Self.awaitedLimit else {
            throw APIError.impossible(
                "a request may wait for \(Self.awaitedLimit) jobs of before at most; let a job gather them"
            )
        }
        return Recalled(jobs: try await past(awaited.sorted()))
    }

    /// Cancels a job; one that has ended says so, wherever it is kept.
    func cancel(_ id: JobID) async throws {
        let recalled = Recalled(jobs: try await past([id]))
        try await ask { .cancel($0, id, recalled: recalled) }
    }

    /// Jobs of before that one request may wait for.
    private static let awaitedLimit = 1_000

    /// Those of some jobs that only the record has, or soon may.
    private func past(_ ids: [JobID]) async throws -> [Job] {
        try await stored(
            await loop.read { controller, _ in
                // What has ended may be let go of at any moment; the machine passes over what it has.
                ids.filter { controller.jobs[$0].map { $0.ending != nil } ?? true }
            })
    }

    private func stored(_ ids: [JobID]) async throws -> [Job] {
        ids.isEmpty ? [] : try await record { try await store.readable(ids).jobs }
    }

    // MARK: Looking

    /// A job, from memory or from the store.
    func find(_ id: JobID) async throws -> Job {
        if let job = await loop.read({ controller, _ in controller.jobs[id] }) { return job }
        guard let job = try await stored([id]).first else { throw APIError.notFound("job \(id)") }
        return job
    }

    /// A job with all of its input: `input` when the caller has it at hand, else if the object store gives it.
    func view(_ id: JobID, input: String? = nil) async throws -> JobView {
        await whole(try await look(id), input: input)
    }

    /// A job whose input may be abridged.
    private func look(_ id: JobID) async throws -> (job: Job, view: JobView) {
        let live = await loop.read { controller, now in
            controller.jobs[id].map { ($0, JobView($0, in: controller, at: now)) }
        }
        if let live { return live }
        let job = try await find(id)
        return (job, JobView(job, in: nil, at: loop.clock.now))
    }

    private func whole(_ look: (job: Job, view: JobView), input: String?) async -> JobView {
        let job = look.job
        var view = look.view
        guard job.request.stored != nil else { return view }
        var whole = input
        if whole == nil { whole = try? await inputs.whole(job.id, job.request) }
        if let whole {
            view.input = JSONText(whole)
            view.inputAbridged = nil
        }
        return view
    }

    /// The job when it has reached a state, or as it is when the time is over; `reader` follows already, so
    /// that nothing is missed.
    private func waitFor(
        _ id: JobID, _ goal: String, _ time: Duration, _ reader: EventReader,
        input: String? = nil
    ) async throws -> JobView {
        let now = try await look(id)
        if Self.reached(now.view.state, goal) { return await whole(now, input: input) }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while let item = await reader.next() {
                    switch item {
                    case .ping, .live: continue
                    case .behind: return
                    case .events(let events):
                        let isReached = events.contains { kept in
                            kept.event.job == id && kept.event.kind == .job
                                && kept.event.to.map { Self.reached($0, goal) } ?? false
                        }
                        if isReached { return }
                    }
                }
            }
            group.addTask { try? await Task.sleep(for: time) }
            await group.next()
            group.cancelAll()
        }
        return try await view(id, input: input)
    }

    private static func reached(_ state: String, _ goal: String) -> Bool {
        if state == goal { return true }
        let isFinal = JobState(rawValue: state)?.isFinal ?? false
        return isFinal
    }

    private func list(_ request: Request) async throws -> Response {
        let query = request.uri.queryParameters
        try request.requireKnown((JobFilter.names + ["limit", "cursor", "order"]).sorted())
        let filter = try JobFilter(query: request)
        guard let order = JobOrder(rawValue: query["order"].map(String.init) ?? "newest") else {
            throw APIError.invalid("order must be newest or oldest")
        }
        let page = try await page(
            filter, after: try Self.cursor(query["cursor"].map(String.init)), order: order,
            limit: try limit(request))
        let items = try await views(page.ids).filter { job in
            // One may have gone on since the page was read.
            filter.states.isEmpty || filter.states.contains { $0.rawValue == job.state }
        }
        return try JSONAnswer.response(Page(items: items, next: page.next?.description))
    }

    /// The place that the caller was given as `next`; nil for the beginning.
    static func cursor(_ text: String?) throws -> JobCatalogue.Cursor? {
        guard let text, !text.isEmpty else { return nil }
        guard let cursor = JobCatalogue.Cursor(text) else {
            throw APIError.invalid("the cursor is not the `next` of a page before")
        }
        return cursor
    }

    /// The jobs that a filter chooses.
    func page(
        _ filter: JobFilter, after cursor: JobCatalogue.Cursor? = nil, order: JobOrder, limit: Int
    ) async throws -> JobCatalogue.Page {
        do {
            return try await catalogue.page(filter, after: cursor, order: order, limit: limit)
        } catch {
            logger.warning("catalogue of jobs failed", metadata: ["error": "\(error)"])
            throw APIError(
                .serviceUnavailable, "catalogue_unavailable",
                "the list of jobs cannot be read now, see the controller's log and its disk",
                retryAfter: 5)
        }
    }

    /// Jobs as they are now: those the machine has from it, the others from the store.
    func views(_ ids: [JobID]) async throws -> [JobView] {
        let wanted = ids
        let (live, now) = await loop.read { controller, now in
            var live: [JobID: (Job, JobView.Live)] = [:]
            for id in wanted {
                guard let job = controller.jobs[id] else { continue }
                live[id] = (job, JobView.Live(job, controller, now))
            }
            return (live, now)
        }
        let past = ids.filter { live[$0] == nil }
        var stored: [JobID: Job] = [:]
        var damaged: Set<JobID> = []
        if !past.isEmpty {
            let found = try await record { try await store.readable(past) }
            for job in found.jobs { stored[job.id] = job }
            damaged = Set(found.damaged)
        }
        var views: [JobView] = []
        var gone: [JobID] = []
        for id in ids {
            if let (job, state) = live[id] {
                views.append(JobView(job, state, at: now))
            } else if let job = stored[id] {
                views.append(JobView(job, nil, at: now))
            } else if !damaged.contains(id) {
                gone.append(id)
            }
        }
        // Their records have expired.
        try? await catalogue.forget(gone)
        return views
    }
}
