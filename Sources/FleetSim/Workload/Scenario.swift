package import FleetCore

/// Everything a run depends on: made from a seed, and from nothing else.
///
/// It is a plain value, so that a failing one can be shrunk: the same run with fewer faults.
package struct Scenario: Hashable, Sendable, Codable {
    /// The seed it was made from, which also feeds every chance inside the run.
    package var seed: UInt64
    /// The fleet.
    package var fleet: FleetSpec
    /// What holds throughout.
    package var weather: Weather
    /// Times of work and trouble, each followed by a rest.
    package var storms: [Storm]

    /// The controller's times and bounds: the defaults, but that one fleet in four soon forgets what has ended.
    var policy: ControllerPolicy {
        var policy = ControllerPolicy()
        // Its models load in seconds, and one that never does is to be seen within a storm.
        policy.readyWithin = .seconds(120)
        var random = Seeds(root: seed).stream(.history)
        if random.permille(250) {
            policy.historyLimit = random.pick([1, 5, 20, 60])
            policy.planHistoryLimit = random.pick([0, 1, 5])
        } else {
            let planned = storms.map { $0.plans.map(\.steps.count).reduce($0.jobs.count, +) }
            policy.historyLimit = max(policy.historyLimit, planned.reduce(0, +))
        }
        return policy
    }

    /// How long everything may take to come to rest once the world is whole and no job ends any more.
    package static let restWithin = Duration.seconds(1_500)
    /// How long it may take in all, however long the queues were.
    package static let restAtMost = Duration.seconds(4 * 3_600)

    /// The scenario of a seed: a storm of ten minutes, or as many as `hours` hours have.
    package init(seed: UInt64, nodes: Int = 15, hours: Int? = nil) {
        let seeds = Seeds(root: seed)
        var random = seeds.stream(.weather)
        self.seed = seed
        fleet = FleetShape.fleet(nodes: nodes)
        weather = Weather(drawnFrom: &random)
        for index in fleet.clusters.indices {
            fleet.clusters[index].scaling.overflow = random.pick([
                .busy, .busy, .backlog, .forecast, .forecast, .never,
            ])
        }
        let length = Duration.seconds(hours == nil ? 240 : 2_400)
        let count = hours.map { max(1, $0) } ?? 1
        storms = []
        for index in 0..<count {
            var draw = StormDraw(
                random: seeds.stream(.storm, index), fleet: fleet, length: length, index: index)
            var storm = draw.storm(weather)
            var plans = PlanDraw(random: seeds.stream(.plans, index), fleet: fleet, length: length)
            plans.add(to: &storm)
            storms.append(storm)
        }
        var limits = seeds.stream(.plans, -1)
        fleet.limits = PlanDraw.limits(&limits)
    }

    /// A scenario made by hand.
    package init(seed: UInt64, fleet: FleetSpec, weather: Weather, storms: [Storm]) {
        self.seed = seed
        self.fleet = fleet
        self.weather = weather
        self.storms = storms
    }
}
