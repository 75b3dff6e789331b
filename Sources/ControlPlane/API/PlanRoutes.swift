import Crypto
import FleetCore
import Foundation
import HTTPTypes
import Hummingbird
import RedisStore

extension APIServer {
    /// The largest body of a plan, in bytes.
    static let planBodyLimit = 4 << 20
    /// Waiting steps of a plan that say why.
    private static let reasonLimit = 200
    /// Stored plans looked through for one page of a filtered list.
    private static let planScanLimit = 10_000

    func addPlans(_ api: RouterGroup<Context>) {
        api.post("/plans") { request, context in try await submitPlan(request, context.caller) }
        api.get("/plans") { request, _ in try await plans(request) }
        api.get("/plans/:id") { request, context in
            try request.requireKnown(["steps"])
            let id = PlanID(try name(context, "id"))
            let steps =
                request.uri.queryParameters["steps"] == nil ? true : try request.flag("steps")
            return try JSONAnswer.response(
                steps ? try await planView(id) : try await planCounts(id))
        }
        api.post("/plans/:id/cancel") { _, context in
            let id = try await ownPlan(context)
            try await ask { .cancelPlan($0, id) }
            return try JSONAnswer.response(try await planView(id), status: .accepted)
        }
        api.delete("/plans/:id") { _, context in
            let id = try await ownPlan(context)
            try await ask { .cancelPlan($0, id) }
            return try JSONAnswer.response(try await planView(id), status: .accepted)
        }
        api.post("/plans/:id/retry") { _, context in
            let id = try await ownPlan(context)
            let recalled = try await recall(id)
            try await ask { .retryPlan($0, id, recalled: recalled) }
            return try JSONAnswer.response(try await planView(id), status: .accepted)
        }
    }

    private func submitPlan(_ request: Request, _ caller: Caller) async throws -> Response {
        let fields = try await object(
            request, known: PlanBody.known, limit: Self.planBodyLimit)
        let now = loop.clock.now
        let id = PlanID(mint.mint(at: now).rawValue)
        var plan = try PlanBody(fields).request(id) { mint.mint(at: now) }
        plan.submitter = caller.submitter
        for index in plan.jobs.indices { plan.jobs[index].request.submitter = caller.submitter }
        if let key = try Self.idempotencyKey(request) {
            plan.idempotencyKey = key
            plan.idempotencyDigest = try Self.digest(JSONValue.object(fields))
        }
        let asked = plan
        let accepted = try await openKeys.hold(RequestKey(asked)) { try await accept(asked, id) }
        let view = try await planView(accepted)
        var answer = try JSONAnswer.response(view, status: .accepted)
        answer.headers[.location] = view.links.`self`
        return answer
    }

    /// Hands a plan to the machine, and gives its id; that of the first one under its key.
    private func accept(_ asked: PlanRequest, _ id: PlanID) async throws -> PlanID {
        if let first = try await earlier(RequestKey(asked), asked.idempotencyDigest) {
            return PlanID(first)
        }
        let recalled = try await recall(awaitedBy: asked.jobs)
        return try await preparing(asked.jobs) { kept in
            var wanted = asked
            wanted.jobs = kept
            guard
                case .planAccepted(let accepted, _) = try await ask({ [wanted] in
                    .submitPlan($0, id, wanted, recalled: recalled)
                })
            else { throw APIError.outcomeUnknown }
            return (accepted, isNew: accepted == id)
        }
    }

    private func ownPlan(_ context: Context) async throws -> PlanID {
        let id = PlanID(try name(context, "id"))
        let plan = try await findPlan(id)
        try context.caller.requireOwn(plan.submittedBy, "plan \(id)")
        return id
    }

    func findPlan(_ id: PlanID) async throws -> Plan {
        if let plan = await loop.read({ controller, _ in controller.plan(id) }) { return plan }
        guard let plan = try await record({ try await store.plans([id]) }).first else {
            throw APIError.notFound("plan \(id)")
        }
        return plan
    }

    /// A plan without its steps, for those who only want to know how far it is.
    private func planCounts(_ id: PlanID) async throws -> PlanView {
        let plan = try await findPlan(id)
        let states = await loop.read { controller, _ in
            controller.openStates(of: plan)
        }
        return PlanView(plan, states: states)
    }

    /// A plan with every step; of the first that wait, why.
    private func planView(_ id: PlanID) async throws -> PlanView {
        let plan = try await findPlan(id)
        let live = await loop.read { controller, now in
            var live: [JobID: PlanView.Member] = [:]
            var told = 0
            for id in plan.jobs {
                guard let job = controller.jobs[id] else { continue }
                // Each costs a look at its cluster, and the loop has other things to do.
                let waiting = told < Self.reasonLimit ? controller.waiting(job, at: now) : nil
                if waiting != nil { told += 1 }
                live[id] = PlanView.Member(job, waiting)
            }
            return live
        }
        var past: [JobID: PlanView.Member] = [:]
        let rest = plan.jobs.filter { live[$0] == nil }
        if !rest.isEmpty {
            for job in try await record({ try await store.readable(rest).jobs }) {
                past[job.id] = PlanView.Member(job, nil)
            }
        }
        let members = plan.jobs.compactMap { live[$0] ?? past[$0] }
        return PlanView(
            plan, states: members.compactMap { JobState(rawValue: $0.state) }, steps: members)
    }

    private func plans(_ request: Request) async throws -> Response {
        let query = request.uri.queryParameters
        try request.requireKnown(["state", "submitter", "limit", "cursor"])
        let states = ["running"] + Job.Outcome.allCases.map(\.rawValue)
        let state = query["state"].map(String.init)
        if let state, !states.contains(state) {
            throw APIError.unknown("state", state, among: states)
        }
        let submitter = try name(request, query: "submitter").map { SubmitterName($0) }
        let limit = try limit(request)
        var last = try name(request, query: "cursor").map { PlanID($0) }
        var found: [Plan] = []
        var seen = 0
        var isAll = false
        do {
            while found.count < limit, seen < Self.planScanLimit, !isAll {
                let ids = try await store.planIDs(after: last, limit: limit)
                isAll = ids.count < limit
                seen += ids.count
                let plans = Dictionary(
                    try await store.plans(ids).map { ($0.id, $0) }, uniquingKeysWith: { $1 })
                for id in ids {
                    guard found.count < limit else {
                        isAll = false
                        break
                    }
                    last = id
                    guard let plan = plans[id], state == nil || plan.state == state,
                        submitter == nil || plan.submittedBy == submitter
                    else { continue }
                    found.append(plan)
                }
            }
        } catch {
            throw APIError.storeAway
        }
        let chosen = found
        let items = await loop.read { controller, _ in
            chosen.map { plan in
                let now = controller.plan(plan.id) ?? plan
                return PlanView(now, states: controller.openStates(of: now))
            }
        }
        return try JSONAnswer.response(
            Page(items: items, next: isAll ? nil : last?.rawValue))
    }
}
