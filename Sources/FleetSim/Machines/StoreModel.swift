import FleetCore
import Foundation
import OrderedCollections

/// A batch as it is on its way to the store.
struct StoreBatch {
    let term: UInt64
    let number: UInt64
    var jobs: [Job] = []
    var plans: [Plan] = []
    var nodes: [(NodeName, NodeRecord?)] = []
    var fleet: FleetSpec?
    var revision: UInt64 = 0
    var counters = Controller.Counters()
    var clock = Instant.zero
    var events: [FleetEvent] = []
}

/// What the store says to a batch.
enum StoreAnswer {
    case stored
    /// Another controller has a higher term.
    case fenced
    /// It did not answer, or it could not be reached; whether it stored the batch is unknown.
    case silent
}

/// Redis, as the controller relies on it: what it has acknowledged it keeps, it compares the term
/// before it writes, and a batch that comes again takes effect once.
struct StoreModel {
    private(set) var term: UInt64 = 0
    private(set) var fleet: FleetSpec
    private(set) var revision: UInt64 = 0
    private(set) var counters = Controller.Counters()
    private(set) var clock = Instant.zero
    private(set) var jobs: [JobID: Job] = [:]
    private(set) var plans: [PlanID: Plan] = [:]
    private(set) var nodes: [NodeName: NodeRecord] = [:]
    private var lastNumber: UInt64 = 0

    /// Not reachable until then.
    var downUntil = Instant.zero
    /// Every answer takes so much longer until then.
    var slowUntil = Instant.zero
    var slowBy = Duration.zero
    /// How many of the next answers are lost after the batch was stored.
    var repliesToLose = 0

    init(fleet: FleetSpec) { self.fleet = fleet }

    /// Takes the leadership for a new life of a controller.
    mutating func bumpTerm() -> UInt64 {
        term += 1
        lastNumber = 0
        return term
    }

    /// Stores a batch, unless its term is over; true when it changed something.
    mutating func store(_ batch: StoreBatch) -> (StoreAnswer, isNew: Bool) {
        guard batch.term == term else { return (.fenced, false) }
        guard batch.number > lastNumber else { return (.stored, false) }
        lastNumber = batch.number
        for job in batch.jobs { jobs[job.id] = job }
        for plan in batch.plans { plans[plan.id] = plan }
        for (name, record) in batch.nodes { nodes[name] = record }
        if let applied = batch.fleet {
            fleet = applied
            revision = batch.revision
        }
        counters = batch.counters
        clock = max(clock, batch.clock)
        return (.stored, true)
    }

    /// Records that go over JSON when a controller starts; for all of them it would be too slow.
    private static let overJSONLimit = 20

    /// What a new life of the controller takes up: all that is alive and the latest of what has ended; the
    /// youngest records as JSON and back, as in Redis.
    func snapshot(for policy: ControllerPolicy) -> Controller.Snapshot {
        var plans = latest(
            plans.values, policy.planHistoryLimit, isAlive: { $0.ending == nil },
            by: { ($0.submittedAt, $0.id) })
        let planned = Set(plans.lazy.filter { $0.ending == nil }.flatMap(\.jobs))
        var jobs = latest(
            jobs.values, policy.historyLimit,
            isAlive: { $0.ending == nil || $0.isActive || planned.contains($0.id) },
            by: { ($0.ending?.at ?? $0.submittedAt, $0.id) })
        var nodes = nodes.values.sorted { $0.name < $1.name }
        for index in jobs.indices.prefix(Self.overJSONLimit) {
            jobs[index] = Self.overJSON(jobs[index])
        }
        for index in plans.indices.prefix(Self.overJSONLimit) {
            plans[index] = Self.overJSON(plans[index])
        }
        for index in nodes.indices.prefix(Self.overJSONLimit) {
            nodes[index] = Self.overJSON(nodes[index])
        }
        return Controller.Snapshot(
            fleet: fleet, fleetRevision: revision, counters: counters, jobs: jobs,
            plans: plans, nodes: nodes)
    }

    /// What is alive and the latest of the rest, the youngest first.
    private func latest<Record, ID: Comparable>(
        _ records: some Collection<Record>, _ limit: Int, isAlive: (Record) -> Bool,
        by place: (Record) -> (Instant, ID)
    ) -> [Record] {
        let ended = records.filter { !isAlive($0) }.sorted { place($0) > place($1) }
        return (records.filter(isAlive) + ended.prefix(limit)).sorted {
            place($0).1 > place($1).1
        }
    }

    private static func overJSON<Record: Codable & Equatable>(_ record: Record) -> Record {
        guard let bytes = try? JSONEncoder().encode(record),
            let back = try? JSONDecoder().decode(Record.self, from: bytes), back == record
        else { preconditionFailure("a record that the store would change: \(record)") }
        return back
    }

    /// Lets ended jobs go, as their time in the store is over.
    mutating func expire() {
        jobs = jobs.filter { $0.value.ending == nil || $0.value.isActive }
        plans = plans.filter { $0.value.ending == nil }
    }
}
