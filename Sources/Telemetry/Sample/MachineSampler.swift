/// Takes samples of the machine.
///
/// Memory and processors come from /proc. Of the rest, what the programs with the sensors tell is
/// believed, and the kernel's files are read only for what it lacks.
package struct MachineSampler: Sendable {
    private let tree: SystemTree
    private let lines: @Sendable () -> [SensorLine]
    private var before: CPUTimes?
    private var system: SystemSensors

    init(tree: SystemTree, lines: @escaping @Sendable () -> [SensorLine]) {
        self.tree = tree
        self.lines = lines
        system = SystemSensors(tree: tree)
    }

    /// Takes a sample.
    ///
    /// The use of the processors is that since the one before, so the first has none.
    package mutating func sample() -> MachineSample {
        system.beginSample()
        var sample = MachineSample()
        if let memory = Self.memory(tree) {
            sample.memoryUsed = memory.used
            sample.memoryTotal = memory.total
            sample.swapUsed = memory.swapUsed
            sample.swapTotal = memory.swapTotal
        }
        let now = tree.text("/proc/stat").flatMap { CPUTimes(parsing: $0) }
        sample.cpu = now.flatMap { now in before.flatMap { now.use(since: $0) } }
        before = now ?? before
        sample.powerMode = system.powerMode.map(MachineSample.plain)
        addSensors(lines(), to: &sample)
        return sample
    }

    /// Memory as /proc tells it.
    package static func memory(_ tree: SystemTree = SystemTree()) -> MemoryFacts? {
        tree.text("/proc/meminfo").map(MemoryFacts.init(parsing:))
    }

    private func addSensors(_ lines: [SensorLine], to sample: inout MachineSample) {
        var load: Double?
        var temperatures: [(name: String, celsius: Double)] = []
        var rails: [(name: String, milliwatts: Int)] = []
        var board: Int?
        for case .tegrastats(let reading) in lines {
            load = reading.gpuLoad
            temperatures = reading.sensors.map { ($0.name, $0.celsius) }
            rails = reading.rails.map { ($0.name, $0.milliwatts) }
            board = reading.boardMilliwatts
        }
        if temperatures.isEmpty { temperatures = system.temperatures() }
        if rails.isEmpty { (rails, board) = system.power() }
        var watts = rails.map { (name: $0.name, value: Double($0.milliwatts) / 1000) }
        for case .gpu(let reading) in lines {
            load = load ?? reading.load
            // What tegrastats or the kernel calls by that name is the same sensor.
            if let celsius = reading.celsius,
                !temperatures.contains(where: { $0.name.lowercased() == "gpu" })
            {
                temperatures.append(("gpu", celsius))
            }
            // What the GPU draws is a part of the board, not the board.
            if let power = reading.watts { watts.append(("gpu", power)) }
        }
        sample.gpu = load ?? system.gpuLoad()
        sample.temperature =
            temperatures.filter { !SensorRule.isDummy($0.name) }.map(\.celsius).max()
        sample.power = board.map { Double($0) / 1000 }
        // Releases write the same names in capitals and in small letters.
        sample.temperatures = MachineSample.values(
            temperatures.map { ($0.name.lowercased(), $0.celsius) })
        sample.watts = MachineSample.values(watts)
    }
}
