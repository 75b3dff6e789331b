import FleetCore
import Foundation
import Testing

@Suite struct DebugTests {
    @Test func debugSeed() {
        guard let text = ProcessInfo.processInfo.environment["SEED"], let seed = UInt64(text) else {
            return
        }
        var walk = RandomWalk(seed: seed)
        walk.run()
        for line in walk.world.trace { print("\(line.0.nanoseconds / 1_000_000) \(line.1)") }
        print("VIOLATIONS", walk.world.checker.violations)
    }
    @Test func soak() {
        guard let text = ProcessInfo.processInfo.environment["SOAK"] else { return }
        let ends = text.split(separator: "-").compactMap { UInt64($0) }
        var outcomes: [String: Int] = [:]
        var steps: Set<[JobState]> = []
        var rsteps: Set<[RoamerState]> = []
        for seed in ends[0]..<ends[1] {
            var walk = RandomWalk(seed: seed, keepsTrace: false)
            walk.run()
            for job in walk.world.controller.jobs.values {
                outcomes["\(job.state) \(job.ending?.error?.code.rawValue ?? "")", default: 0] += 1
            }
            steps.formUnion(walk.world.checker.jobSteps)
            rsteps.formUnion(walk.world.checker.roamerSteps)
            let v = walk.world.checker.violations
            if !v.isEmpty { print("SEED \(seed) \(v.prefix(4))") }
        }
        print("OUTCOMES", outcomes.sorted { $0.key < $1.key })
        for a in JobState.allCases {
            for b in a.successors where !steps.contains([a, b]) { print("UNSEEN", a, b) }
        }
        for a in RoamerState.allCases {
            for b in a.successors where !rsteps.contains([a, b]) { print("UNSEEN", a, b) }
        }
    }
}
