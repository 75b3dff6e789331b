import FleetCore
import Testing

@Suite struct TimeTests {
    @Test func `instants saturate at the ends of the clock`() {
        let late = Instant(nanoseconds: .max - 1)
        #expect(late + .seconds(1) == .distantFuture)
        #expect((Instant(nanoseconds: .min + 1) - .seconds(1)).nanoseconds == .min)
        #expect((late - .seconds(-1)).nanoseconds == .max)
        #expect(Instant.zero + .seconds(-1) == Instant(nanoseconds: -1_000_000_000))
        #expect(late.since(Instant(nanoseconds: -2)) == .nanoseconds(Int64.max))
        #expect(Instant(nanoseconds: .min).since(late) == .nanoseconds(Int64.min))
        #expect(Duration.seconds(Int64.max).nanoseconds == .max)
        #expect(Duration.seconds(Int64.min).nanoseconds == .min)
        #expect(Duration.milliseconds(-1).nanoseconds == -1_000_000)
    }

    @Test func `the generator gives the numbers of SplitMix64`() {
        // From the reference implementation, seed 1234567.
        var random = SeededGenerator(seed: 1_234_567)
        #expect(random.next() == 6_457_827_717_110_365_317)
        #expect(random.next() == 3_203_168_211_198_807_973)
        var other = SeededGenerator(seed: 1_234_567)
        _ = other.next()
        _ = other.next()
        #expect(other == random)
    }

    @Test func `back-off doubles to its cap and stays within it`() {
        let policy = BackOff(base: .seconds(1), cap: .seconds(60), floor: .milliseconds(100))
        var random = SeededGenerator(seed: 3)
        for failures in [-5, 0, 1, 2, 3, 7, 40, Int.max] {
            var most = Duration.zero
            for _ in 0..<200 {
                let wait = policy.delay(failures: failures, using: &random)
                #expect(wait >= .milliseconds(100))
                most = max(most, wait)
            }
            let ceiling = min(60, 1 << min(max(failures - 1, 0), 10))
            #expect(most <= .seconds(ceiling))
            #expect(most > .seconds(ceiling) / 2)
        }
        let odd = BackOff(base: .zero, cap: .zero, floor: .seconds(1))
        #expect(odd.delay(failures: 1, using: &random) == .zero)
        let huge = BackOff(base: .seconds(Int64.max), cap: .seconds(5))
        #expect(huge.delay(failures: 31, using: &random) <= .seconds(5))
    }

    @Test(arguments: 0..<20) func `timers fire in order, once, and the last arming counts`(
        seed: UInt64
    ) {
        var random = SeededGenerator(seed: seed)
        var timers = TimerQueue<Int>()
        var model: [Int: Instant] = [:]
        for _ in 0..<2_000 {
            let key = Int.random(in: 0..<20, using: &random)
            let now = Instant(nanoseconds: Int64.random(in: 0..<100, using: &random))
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                timers.arm(key, at: now)
                model[key] = now
            case 2:
                timers.disarm(key)
                model[key] = nil
            default:
                let due = model.values.min()
                #expect(timers.next() == due)
                let popped = timers.popDue(now)
                if let due, due <= now {
                    #expect(popped.map { model[$0] } == due)
                    if let popped { model[popped] = nil }
                } else {
                    #expect(popped == nil)
                }
            }
            #expect(timers.count == model.count)
            #expect(timers.due(key) == model[key])
        }
    }
}

@Suite struct JobQueueTests {
    @Test(arguments: 0..<6) func `the queue is a sorted array`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = JobQueue()
        var model: [QueueEntry] = []
        let most = seed % 2 == 0 ? 30 : 3_000
        for _ in 0..<4_000 {
            let entry = QueueEntry(
                score: Instant(nanoseconds: Int64.random(in: 0..<Int64(most), using: &random)),
                job: JobID("j\(Int.random(in: 0..<3, using: &random))"))
            let place = model.firstIndex(of: entry)
            switch Int.random(in: 0..<5, using: &random) {
            case 0...(seed < 3 ? 2 : 1):
                #expect(queue.insert(entry) == (place == nil))
                if place == nil {
                    model.insert(entry, at: model.firstIndex { entry < $0 } ?? model.count)
                }
            case 3:
                #expect(queue.rank(entry) == place)
                #expect(queue.prefix(7) == Array(model.prefix(7)))
            default:
                #expect(queue.remove(entry) == (place != nil))
                if let place { model.remove(at: place) }
            }
            #expect(queue.count == model.count)
            #expect(queue.isEmpty == model.isEmpty)
        }
        #expect(queue.prefix(.max) == model)
    }

    @Test func `runs split and ranks stay right in a long queue`() {
        var queue = JobQueue()
        for number in 0..<2_000 {
            queue.insert(
                QueueEntry(score: Instant(nanoseconds: Int64(number * 7 % 2_000)), job: "j"))
        }
        #expect(queue.count == 2_000)
        for number in stride(from: 0, to: 2_000, by: 13) {
            let entry = QueueEntry(score: Instant(nanoseconds: Int64(number)), job: "j")
            #expect(queue.rank(entry) == number)
        }
    }

    @Test func `a step of priority is a minute, and no priority overflows`() {
        func entry(_ id: JobID, _ priority: Int, at seconds: Int) -> QueueEntry {
            QueueEntry(
                Job(
                    id: id, request: JobRequest(kind: .image, priority: priority), queue: "vision",
                    submittedAt: .zero + .seconds(seconds)))
        }
        #expect(entry("b", 1, at: 59) < entry("a", 0, at: 0))
        #expect(entry("a", 0, at: 0) < entry("b", 1, at: 61))
        #expect(entry("a", 0, at: 0) < entry("b", 0, at: 0))
        #expect(entry("a", .max, at: 0) < entry("b", 9, at: 0))
        #expect(entry("b", -9, at: 0) < entry("a", .min, at: 0))
    }
}

@Suite struct SpecTests {
    @Test func `a fingerprint is stable and sees every part of a spec`() {
        let spec = WorkerSpec(image: "jessica/sdxl:latest", memory: 18 << 30, gpu: true)
        #expect(spec.fingerprint == spec.fingerprint)
        var others = [spec]
        for change: (inout WorkerSpec) -> Void in [
            { $0.image = "jessica/sdxl:2" }, { $0.contract = .openai }, { $0.slots = 2 },
            { $0.memory = nil }, { $0.gpu = false }, { $0.models = ["a"] }, { $0.devices = ["a"] },
            { $0.components = ["a"] }, { $0.command = ["a"] }, { $0.command = ["", "a"] },
            { $0.models = ["ab"] }, { $0.models = ["a", "b"] }, { $0.networks = ["a"] },
            { $0.largeOutputs = true },
        ] {
            var other = spec
            change(&other)
            others.append(other)
        }
        #expect(Set(others.map(\.fingerprint)).count == others.count)
        // The value is in labels of containers that outlive the agent: it must never change.
        #expect(WorkerSpec(image: "a").fingerprint == "9b4d8dc377d2dfae")
    }
}

@Suite("Lives of an agent")
struct IncarnationTests {
    @Test("A life has its own name though the disk was lost, and though the clock stands still")
    func names() {
        let first = Incarnation(boot: "b", after: 0, upFor: .seconds(60))
        let second = Incarnation(boot: "b", after: first.starts, upFor: .seconds(60))
        let lost = Incarnation(boot: "b", after: 0, upFor: .seconds(61))
        #expect(Set([first, second, lost]).count == 3)
        // What the disk says is believed: it may be from a longer boot.
        #expect(Incarnation(boot: "c", after: 9_000_000, upFor: .seconds(5)).starts == 9_000_001)
        #expect(Incarnation(boot: "c", after: 0, upFor: .seconds(-5)).starts == 1)
    }
}

@Suite struct AgentEffectsTests {
    @Test func `of what is held back only the latest report of each is kept, in its place`() {
        let first = AttemptKey(job: "A", number: 1)
        let second = AttemptKey(job: "B", number: 1)
        func report(_ number: UInt64, _ key: AttemptKey) -> AgentEffects.Effect {
            let text = "\(number)"
            let report = AttemptReport(key: key, phase: .running, progress: Progress(text: text))
            return .send(.report(sequence: number, .attempt(report)))
        }
        let worker = AgentEffects.Effect.send(
            .report(sequence: 4, .worker(WorkerReport(id: "w", phase: .ready))))
        var effects = AgentEffects()
        effects.list = [
            report(1, first), .forget(second), report(2, second), report(3, first), worker,
            report(5, first),
        ]
        effects.dropOutdatedReports()
        #expect(effects.list == [.forget(second), report(2, second), worker, report(5, first)])
    }
}
