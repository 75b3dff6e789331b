import FleetCore
import Testing

/// Whose turn it is.
@Suite struct FairQueueTests {
    private typealias Lane = FairQueue.Lane

    private static func lane(_ name: String, _ gates: [Gate] = []) -> Lane {
        Lane(share: .submitter(SubmitterName(name)), gates: gates)
    }

    private static func entry(_ number: Int) -> QueueEntry {
        let digits = String(number)
        let id = "j" + String(repeating: "0", count: 6 - digits.count) + digits
        return QueueEntry(score: Instant(nanoseconds: Int64(number)), job: JobID(id))
    }

    /// Serves until so many have begun; who they were of.
    private static func served(
        _ queue: inout FairQueue, _ lanes: [QueueEntry: Lane], _ count: Int,
        weights: [Lane: Int] = [:],
        took: (Lane) -> Duration = { _ in .seconds(1) }
    ) -> [Lane] {
        var order: [Lane] = []
        for _ in 0..<count {
            guard let next = queue.prefix(1).first, let lane = lanes[next] else { break }
            queue.remove(next, from: lane)
            queue.begin(lane.share, weight: weights[lane] ?? 1, cost: .seconds(1))
            queue.end(lane.share, expected: .seconds(1), took: took(lane))
            order.append(lane)
        }
        return order
    }

    @Test func `one submitter is served in the order of the entries`() {
        var queue = FairQueue()
        let lane = Self.lane("a")
        for number in [3, 1, 2] { queue.insert(Self.entry(number), in: lane) }
        #expect(queue.prefix(9) == [1, 2, 3].map(Self.entry))
        #expect(queue.rank(Self.entry(3), in: lane, mean: .seconds(1)) == 2)
    }

    @Test func `ten thousand jobs of one submitter do not keep another's first waiting`() {
        var queue = FairQueue()
        let (many, few) = (Self.lane("many"), Self.lane("few"))
        var lanes: [QueueEntry: Lane] = [:]
        for number in 0..<10_000 {
            lanes[Self.entry(number)] = many
            queue.insert(Self.entry(number), in: many)
        }
        _ = Self.served(&queue, lanes, 100)
        let late = Self.entry(20_000)
        lanes[late] = few
        queue.insert(late, in: few)
        #expect(queue.rank(late, in: few, mean: .seconds(1)) ?? 9 <= 1)
        #expect(Self.served(&queue, lanes, 2).contains(few))
    }

    @Test func `two who always wait get the same time, however long their jobs are`() {
        var queue = FairQueue()
        let (long, short) = (Self.lane("long"), Self.lane("short"))
        var lanes: [QueueEntry: Lane] = [:]
        for number in 0..<4_000 {
            let lane = number % 2 == 0 ? long : short
            lanes[Self.entry(number)] = lane
            queue.insert(Self.entry(number), in: lane)
        }
        let order = Self.served(&queue, lanes, 1_100) { $0 == long ? .seconds(10) : .seconds(1) }
        let times = order.reduce(into: [Lane: Int]()) { $0[$1, default: 0] += $1 == long ? 10 : 1 }
        let (a, b) = (times[long] ?? 0, times[short] ?? 0)
        #expect(abs(a - b) <= 20, "\(a) s and \(b) s")
    }

    @Test func `a weight of three is three times the time`() {
        var queue = FairQueue()
        let (heavy, light) = (Self.lane("heavy"), Self.lane("light"))
        var lanes: [QueueEntry: Lane] = [:]
        for number in 0..<4_000 {
            let lane = number % 2 == 0 ? heavy : light
            lanes[Self.entry(number)] = lane
            queue.insert(Self.entry(number), in: lane, weight: lane == heavy ? 3 : 1)
        }
        let order = Self.served(&queue, lanes, 400, weights: [heavy: 3])
        #expect((298...302).contains(order.count { $0 == heavy }))
    }

    @Test func `who was away does not make up for it`() {
        var queue = FairQueue()
        let (busy, away) = (Self.lane("busy"), Self.lane("away"))
        var lanes: [QueueEntry: Lane] = [:]
        for number in 0..<2_000 {
            lanes[Self.entry(number)] = busy
            queue.insert(Self.entry(number), in: busy)
        }
        lanes[Self.entry(5_000)] = away
        queue.insert(Self.entry(5_000), in: away)
        _ = Self.served(&queue, lanes, 500)
        for number in 6_000..<7_000 {
            lanes[Self.entry(number)] = away
            queue.insert(Self.entry(number), in: away)
        }
        let order = Self.served(&queue, lanes, 100)
        #expect((49...51).contains(order.count { $0 == away }))
    }

    @Test func `a lane with a full gate is passed over whole`() {
        var queue = FairQueue()
        let gate = Gate(subject: .label("a", "b"), most: 1)
        let (shut, open) = (Self.lane("x", [gate]), Self.lane("x"))
        for number in 0..<5_000 { queue.insert(Self.entry(number), in: shut) }
        queue.insert(Self.entry(9_000), in: open)
        #expect(queue.prefix(3) { $0 != gate } == [Self.entry(9_000)])
        #expect(queue.prefix(3) == [0, 1, 2].map(Self.entry))
        #expect(queue.runnable { _ in 2 } == 3)
        #expect(queue.runnable { _ in 0 } == 1)
        #expect(queue.isBounded(by: gate.subject))
    }

    @Test func `lanes of one share are one line`() {
        var queue = FairQueue()
        for number in 0..<300 {
            let gate = Gate(subject: .plan(PlanID("p\(number % 40)")), most: 5)
            queue.insert(Self.entry(299 - number), in: Self.lane("x", [gate]))
        }
        #expect(queue.prefix(32) == (0..<32).map(Self.entry))
        let last = Gate(subject: .plan(PlanID("p\((299 - 250) % 40)")), most: 5)
        #expect(queue.rank(Self.entry(250), in: Self.lane("x", [last]), mean: .seconds(1)) == 250)
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `it holds what was put in and not taken out`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = FairQueue()
        var model: [QueueEntry: Lane] = [:]
        for _ in 0..<3_000 {
            let entry = Self.entry(Int.random(in: 0..<400, using: &random))
            let lane = model[entry] ?? Self.lane("s\(Int.random(in: 0..<100, using: &random))")
            if Bool.random(using: &random) {
                #expect(queue.insert(entry, in: lane) == (model[entry] == nil))
                model[entry] = lane
            } else {
                #expect(queue.remove(entry, from: lane) == (model[entry] != nil))
                model[entry] = nil
            }
            #expect(queue.count == model.count)
        }
        #expect(Set(queue.entries) == Set(model.keys))
        #expect(queue.prefix(32).count >= min(model.count, 32))
        for (entry, lane) in model {
            let rank = queue.rank(entry, in: lane, mean: .seconds(1))
            #expect(rank.map { (0..<model.count).contains($0) } == true)
        }
    }
}
