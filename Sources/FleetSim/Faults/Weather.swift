import FleetCore

/// What holds for a whole run: how fast, how far, how reliable everything is.
package struct Weather: Hashable, Sendable, Codable {
    /// The least delay of a frame.
    package var linkDelay = Duration.milliseconds(1)
    /// The most that is added by chance.
    package var linkJitter = Duration.milliseconds(2)
    /// Packets lost, in a thousand; TCP sends them again after a time-out that doubles.
    package var lossPermille = 0
    /// Reports handed over twice, in a thousand.
    package var replayPermille = 0
    /// How long Redis takes to store a batch.
    package var commitDelay = Duration.milliseconds(2)
    /// Calls of Docker that fail, in a thousand.
    package var dockerFailurePermille = 0
    /// How long an image takes to be pulled.
    package var pullTime = Duration.seconds(20)
    /// How long a container takes to be made and started.
    package var launchTime = Duration.milliseconds(300)
    /// How long a worker takes to load its model.
    package var startupTime = Duration.seconds(4)
    /// Whether a worker takes as long to load as its template says, more or less, in place of
    /// `startupTime`.
    package var takesTemplateStartup = false
    /// The most a clock runs fast or slow, in parts per million.
    package var driftPPM = 0
    /// Workers that lie now and then, in a thousand answers.
    package var liePermille = 0
    /// Whether a second controller may take over, and renewals need a proof of leadership.
    package var standby = false
    /// Where the controller's clock starts.
    package var epochSeconds: Int64 = 1_790_000_000

    /// A calm day: nothing is lost and nothing fails.
    package init() {}

    /// The weather of a seed.
    init(drawnFrom random: inout SeededGenerator) {
        linkDelay = random.duration(1...60)
        linkJitter = random.duration(0...150)
        lossPermille = random.pick([0, 0, 5, 30, 100, 300])
        replayPermille = random.pick([0, 0, 20, 200, 500])
        commitDelay = random.duration(0...150)
        dockerFailurePermille = random.pick([0, 0, 0, 10, 100])
        pullTime = random.duration(1_000...40_000)
        // Long enough for an agent to die and come back while Docker is at it.
        launchTime = random.duration(100...10_000)
        startupTime = random.duration(500...12_000)
        driftPPM = random.pick([0, 100, 1_000, 10_000])
        liePermille = random.pick([0, 0, 0, 20])
        standby = Bool.random(using: &random)
    }
}
