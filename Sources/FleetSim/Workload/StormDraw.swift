import FleetCore

/// Draws the jobs, operations and faults of a storm.
struct StormDraw {
    var random: SeededGenerator
    let fleet: FleetSpec
    let length: Duration
    let index: Int

    mutating func storm(_ weather: Weather) -> Storm {
        let nodes = fleet.nodes.count
        let minutes = max(1, Int(length.components.seconds / 60))
        // A node has about a job in two minutes, and trouble comes by the minute, or not at all.
        let jobs = minutes * nodes / Int.random(in: 1...4, using: &random)
        let faults = random.pick([0, 1, 2, 4]) * minutes * nodes / 15
        let operations = Int.random(in: 0...2, using: &random) * minutes
        let pattern = random.pick(Arrivals.Pattern.allCases)
        var arrivals = Arrivals(pattern, length)
        return Storm(
            length: length,
            jobs: (0..<jobs).map { number in job(arrivals.next(&random), number) }.sorted {
                $0.at < $1.at
            },
            operations: (0..<operations).map { _ in operation() }.sorted { $0.at < $1.at },
            faults: (0..<faults).map { _ in fault() }.sorted { $0.at < $1.at })
    }

    private mutating func moment() -> Duration { random.duration(upTo: length) }

    // MARK: Jobs

    private mutating func job(_ at: Duration, _ number: Int) -> PlannedJob {
        let kind = random.pick(JobKind.allCases)
        let end = random.pick(Self.ends)
        // A job that never ends by itself must have a deadline.
        let never = end == .hang
        let long = Int.random(in: 0..<8, using: &random) == 0
        let work = random.duration(long ? 20_000...120_000 : 100...12_000)
        var request = JobRequest(kind: kind, input: JobScript.input(work, end))
        request.priority = Int.random(in: -3...3, using: &random)
        request.retries = Int.random(in: 0...3, using: &random)
        if never || Int.random(in: 0..<8, using: &random) == 0 {
            request.deadline = .seconds(Int.random(in: 5...60, using: &random))
        }
        if kind == .custom {
            request.image = "tool:\(Int.random(in: 1...6, using: &random))"
            request.memory = random.pick([nil, 1, 8, 20, 40]).map { Int64($0) << 30 }
        }
        if fleet.cluster(serving: kind) == nil || Int.random(in: 0..<4, using: &random) == 0 {
            route(&request)
        }
        if Bool.random(using: &random) {
            request.idempotencyKey = "k\(index).\(number)"
            request.idempotencyDigest = "d"
        }
        var planned = PlannedJob(at: at, request: request)
        if Int.random(in: 0..<10, using: &random) == 0 {
            planned.cancelAfter = random.duration(0...15_000)
            if Bool.random(using: &random) { planned.retryAfter = random.duration(10...8_000) }
        }
        return planned
    }

    private static let ends: [JobScript.End] =
        Array(repeating: .ok, count: 10) + JobScript.End.allCases

    /// Sends a job to a cluster by name, or to a roamer of its own.
    private mutating func route(_ request: inout JobRequest) {
        guard request.kind != .custom else { return }
        if !fleet.roamers.isEmpty, Int.random(in: 0..<4, using: &random) == 0 {
            request.template = random.pick(fleet.templates).name
        } else {
            request.cluster = random.pick(fleet.clusters).name
        }
    }

    // MARK: People and faults

    private mutating func operation() -> PlannedOperation {
        PlannedOperation(
            at: moment(), kind: random.pick(PlannedOperation.Kind.allCases),
            node: Int.random(in: 0..<fleet.nodes.count, using: &random),
            count: Int.random(in: 1...120, using: &random))
    }

    private static let lottery: [FaultKind] = FaultKind.planned.flatMap {
        Array(repeating: $0, count: $0.weight)
    }

    private mutating func fault() -> PlannedFault {
        let isLong = Int.random(in: 0..<5, using: &random) == 0
        return PlannedFault(
            at: moment(), kind: random.pick(Self.lottery),
            node: Int.random(in: 0..<fleet.nodes.count, using: &random),
            length: random.duration(isLong ? 30_000...150_000 : 500...40_000),
            count: Int.random(in: 0..<64, using: &random))
    }
}
