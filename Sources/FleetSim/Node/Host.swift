import FleetCore

/// A node of the world: the agent's machine, its disk, its cable and its Docker engine.
final class Host {
    let index: Int
    let name: NodeName
    let place: String
    /// Bytes of memory.
    let memory: UInt64

    var agent: Agent?
    /// Which life of the agent it is; answers to another are dropped.
    var life = 0
    var boot = 1
    var starts: UInt64 = 0
    /// How often its agent's disk was lost.
    var disks = 0
    /// The machine's clock, anew with each boot.
    var clock: LocalClock
    var wakeAt: Instant?
    /// What `wakeAt` was planned for, by its own clock.
    var wakeDue = Instant.zero
    /// Neither agent nor link do anything until then; the containers run on.
    var frozenUntil = Instant.zero
    /// When it last could not run: dead, frozen, without a disk or without Docker.
    var impairedUntil = Instant.zero

    /// When its Docker engine was away last.
    var engineAwayUntil = Instant.zero

    // What is on its disk.
    var journal = AgentJournal()
    /// The last life of the agent that was told what to run.
    var toldLife = 0
    /// Whether this life began without a journal of the lives before it.
    var beganBlind = false
    var renewedAt: Instant?
    /// Saving fails until then.
    var diskFullUntil = Instant.zero
    /// What waits for the journal to be saved.
    var held: [AgentEffects.Effect] = []
    /// The agent dies at its next step that must be saved: before it is saved, or after.
    var dies: DeathMoment?

    enum DeathMoment { case beforeSaving, beforeActing, halfWay }

    var link: Link?
    var cable = Cable()
    var failedDials = 0

    var docker: DockerModel
    var random: SeededGenerator
    var network: SeededGenerator

    init(_ index: Int, _ name: NodeName, seeds: Seeds, clock: LocalClock) {
        self.index = index
        self.name = name
        place = name.rawValue
        memory = FleetShape.memory(ofNode: index)
        self.clock = clock
        docker = DockerModel(random: seeds.stream(.docker, index))
        random = seeds.stream(.node, index)
        network = seeds.stream(.network, index)
    }

    /// The name of this boot of the machine.
    var bootName: String { "b\(boot)" }

    /// The wait before the next try to connect: full jitter under a bound that doubles.
    func redialWait() -> Duration {
        let bound = min(500 << min(failedDials, 4), 5_000)
        return random.duration(0...bound)
    }
}
