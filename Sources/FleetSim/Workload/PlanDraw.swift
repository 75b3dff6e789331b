import FleetCore

/// Draws who asks for what, the plans of a storm, and what the limits are.
struct PlanDraw {
    var random: SeededGenerator
    let fleet: FleetSpec
    let length: Duration

    private static let submitters: [SubmitterName?] = [nil, nil, "alice", "bob"]
    private static let film = JobRequest.Label(key: "project", value: "film")

    /// Limits of a fleet: none in half of all runs.
    static func limits(_ random: inout SeededGenerator) -> [LimitSpec] {
        guard Bool.random(using: &random) else { return [] }
        return [
            LimitSpec(
                subject: .submitter("alice"), weight: random.pick([nil, 3]),
                maxRunning: Int.random(in: 1...4, using: &random)),
            LimitSpec(
                subject: .label(film), weight: random.pick([nil, 2]),
                maxRunning: random.pick([nil, 1, 2])),
            LimitSpec(
                subject: .everySubmitter, maxRunning: random.pick([nil, 5]),
                maxOpen: random.pick([nil, 40]),
                rate: random.pick([nil, .init(count: 20, per: .seconds(60))])),
        ]
    }

    mutating func add(to storm: inout Storm) {
        for place in storm.jobs.indices { sign(&storm.jobs[place].request) }
        // Half of all storms have plans, of a few jobs each.
        let count = random.pick([0, 0, 1, 3]) * max(1, storm.jobs.count / 40)
        storm.plans = (0..<count).map { _ in plan() }.sorted { $0.at < $1.at }
    }

    private mutating func sign(_ request: inout JobRequest) {
        request.submitter = random.pick(Self.submitters)
        if Int.random(in: 0..<5, using: &random) == 0 { request.labels = [Self.film] }
    }

    private mutating func plan() -> PlannedPlan {
        let count = Int.random(in: 2...9, using: &random)
        var plan = PlannedPlan(
            at: random.duration(upTo: length), steps: (0..<count).map { step($0) },
            onFailure: random.pick(Plan.FailurePolicy.allCases),
            maxRunning: random.pick([nil, nil, 1, 3]))
        if Int.random(in: 0..<6, using: &random) == 0 {
            plan.cancelAfter = random.duration(0...30_000)
        }
        if Int.random(in: 0..<3, using: &random) == 0 {
            plan.retryAfter = random.duration(1_000...90_000)
        }
        return plan
    }

    private mutating func step(_ place: Int) -> PlannedPlan.Step {
        let end: JobScript.End =
            Int.random(in: 0..<12, using: &random) == 0
            ? random.pick([.fail, .refuse, .crash, .twice]) : .ok
        let work = random.duration(100...9_000)
        var request = JobRequest(
            kind: random.pick(JobKind.allCases.filter { $0 != .custom }),
            input: JobScript.input(work, end), retries: Int.random(in: 0...2, using: &random))
        if fleet.cluster(serving: request.kind) == nil, let first = fleet.clusters.first {
            request.cluster = first.name
        }
        if Int.random(in: 0..<6, using: &random) == 0, !fleet.roamers.isEmpty {
            request.cluster = nil
            request.template = random.pick(fleet.templates).name
        }
        sign(&request)
        // Mostly chains and fans; a step in four waits for none.
        var after: Set<Int> = []
        for _ in 0..<Int.random(in: 0...3, using: &random) where place > 0 {
            after.insert(Int.random(in: 0..<place, using: &random))
        }
        return .init(request: request, after: after.sorted())
    }
}
