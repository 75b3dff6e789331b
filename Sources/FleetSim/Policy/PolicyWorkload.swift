package import FleetCore

/// Work like the user's, without faults: what scheduling policies are compared on.
///
/// Run times and start-up times are those of the boxes (a picture in some seconds, a film in a minute
/// or two, a model in half a minute), and the load is such that each cluster's own nodes are busy
/// about half of the time.
package enum PolicyWorkload {
    private struct Part {
        let kind: JobKind
        /// The shortest and the longest run, in milliseconds.
        let run: ClosedRange<Int>
        /// How long a worker takes to load its model.
        let startup: Duration
        /// Slots of all dedicated nodes.
        let lanes: Int
        var meanSeconds: Double { Double(run.lowerBound + run.upperBound) / 2_000 }
    }

    private static let parts: [Part] = [
        Part(kind: .image, run: 4_000...12_000, startup: .seconds(45), lanes: 2),
        Part(kind: .video, run: 40_000...120_000, startup: .seconds(60), lanes: 2),
        Part(kind: .voice, run: 1_000...6_000, startup: .seconds(20), lanes: 1),
        Part(kind: .audio, run: 10_000...30_000, startup: .seconds(40), lanes: 1),
        Part(kind: .text, run: 1_000...15_000, startup: .seconds(30), lanes: 4),
        Part(kind: .vision, run: 200...1_500, startup: .seconds(15), lanes: 1),
        Part(kind: .personality, run: 500...4_000, startup: .seconds(15), lanes: 1),
    ]

    /// How busy the dedicated nodes are on average.
    private static let load = 0.5

    /// A scenario of some hours under one scaling rule.
    package static func scenario(
        seed: UInt64, pattern: Arrivals.Pattern, hours: Int, scaling: ScalingSpec
    ) -> Scenario {
        var fleet = FleetShape.fleet(nodes: 15)
        for index in fleet.clusters.indices {
            fleet.clusters[index].scaling = scaling
            guard let part = parts.first(where: { fleet.clusters[index].kinds.contains($0.kind) })
            else { continue }
            fleet.templates[index].startupTime = part.startup
        }
        var weather = Weather()
        weather.takesTemplateStartup = true
        weather.pullTime = .seconds(2)
        let length = Duration.seconds(hours * 3_600)
        let seeds = Seeds(root: seed)
        var jobs: [PlannedJob] = []
        for (index, part) in parts.enumerated() {
            var random = seeds.stream(.storm, index)
            var arrivals = Arrivals(pattern, length)
            let count = Int(
                Double(hours) * 3_600 * load * Double(part.lanes) / part.meanSeconds)
            for _ in 0..<count {
                let run = random.duration(part.run)
                let request = JobRequest(
                    kind: part.kind, input: JobScript.input(run, .ok), retrySafe: false)
                jobs.append(PlannedJob(at: arrivals.next(&random), request: request))
            }
        }
        jobs.sort { $0.at < $1.at }
        let storm = Storm(length: length, jobs: jobs, operations: [], faults: [])
        return Scenario(seed: seed, fleet: fleet, weather: weather, storms: [storm])
    }
}
