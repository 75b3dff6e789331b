/// What the kernel tells about a machine's sensors without the help of a program.
struct SystemSensors: Sendable {
    private let tree: SystemTree
    private var gpuFile: GPULoadFile?
    private var zones: ThermalZones
    private var rails: PowerRails
    private(set) var powerMode: String?
    private var samples = 0

    /// A driver may come late, and a mode may change; a minute's delay is soon enough.
    private static let lookEvery = 60

    init(tree: SystemTree) {
        self.tree = tree
        gpuFile = nil
        zones = ThermalZones(in: tree)
        rails = PowerRails(in: tree)
        look()
    }

    /// Begins a sample; now and then it looks anew for what there is.
    mutating func beginSample() {
        samples += 1
        guard samples >= Self.lookEvery else { return }
        samples = 0
        look()
    }

    private mutating func look() {
        gpuFile = GPULoadFile(in: tree)
        zones = ThermalZones(in: tree)
        rails = PowerRails(in: tree)
        powerMode = PowerMode.read(tree)
    }

    /// The GPU's use, 0…1.
    func gpuLoad() -> Double? { gpuFile?.read(tree) }

    /// °C by sensor.
    func temperatures() -> [(name: String, celsius: Double)] { zones.read(tree) }

    /// mW by rail, and of the whole board.
    func power() -> (rails: [(name: String, milliwatts: Int)], board: Int?) {
        let values = rails.read(tree)
        return (values, rails.board(values))
    }
}
