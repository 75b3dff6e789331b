import FleetCore
import Glibc
import Telemetry

/// Samples of this machine as the controller gets them.
struct NodeTelemetry: Sendable {
    /// Whose file system's free space is told.
    let folder: String
    private var sampler: MachineSampler
    private let ledger: ContainerLedger
    private var meter: ContainerMeter
    private let idle: IdleMemory
    private let checks: SelfChecks

    /// How often a sample is taken: as often as tegrastats and nvidia-smi tell of the sensors.
    static let every = Duration.seconds(1)

    /// The most containers that are told of.
    private static let containersMax = 64

    init(
        folder: String, sampler: MachineSampler, ledger: ContainerLedger, idle: IdleMemory,
        checks: SelfChecks, meter: ContainerMeter = ContainerMeter()
    ) {
        self.checks = checks
        self.idle = idle
        self.folder = folder
        self.sampler = sampler
        self.ledger = ledger
        self.meter = meter
    }

    /// A sample; what cannot be measured is left out.
    mutating func sample() -> Telemetry {
        let sample = sampler.sample()
        return Telemetry(
            cpu: sample.cpu, gpu: sample.gpu, memoryUsed: sample.memoryUsed,
            memoryTotal: sample.memoryTotal, diskFree: DiskSpace.free(at: folder),
            swapUsed: sample.swapUsed, swapTotal: sample.swapTotal,
            temperature: sample.temperature, power: sample.power,
            temperatures: sample.temperatures.map { .init(name: $0.name, value: $0.value) },
            watts: sample.watts.map { .init(name: $0.name, value: $0.value) },
            powerMode: sample.powerMode, containers: containers(), wallClock: Self.wallClock(),
            troubles: checks.troubles)
    }

    /// What each container of the node uses.
    ///
    /// On a Jetson what a container's GPU holds is not charged to its control group. Where it runs alone
    /// it is what the machine uses more than when it was idle.
    private mutating func containers() -> [Telemetry.ContainerUse] {
        var names: [String: String] = [:]
        let running = ledger.running
        for fact in running.prefix(Self.containersMax) {
            switch fact.purpose {
            case .worker(let id, _): names[fact.id] = id.rawValue
            case .attempt(let key): names[fact.id] = key.description
            case .other: continue
            }
        }
        let readings = meter.measure(names.keys.sorted())
        var seen: Set<String> = []
        return readings.compactMap { reading in
            guard let name = names[reading.container], seen.insert(name).inserted else {
                return nil
            }
            let memory = max(reading.memory, running.count == 1 ? idle.beyond ?? 0 : 0)
            return .init(name: name, cpu: reading.cpu, memory: memory)
        }
    }

    private static func wallClock() -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// What the machine has; `reserve` are bytes of memory that no container gets.
    static func facts(version: String, reserve: UInt64) throws(AgentError) -> Agent.Facts {
        let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        return Agent.Facts(
            version: version, processors: UInt32(clamping: max(1, processors)),
            memory: try memory(reserve: reserve))
    }

    /// How much memory the fleet may reckon with, in bytes; see ``offered(of:reserve:)``.
    static func memory(reserve: UInt64) throws(AgentError) -> UInt64 {
        guard let memory = MachineSampler.memory()?.total else {
            throw AgentError(.machine, "/proc/meminfo does not tell how much memory there is")
        }
        return offered(of: memory, reserve: reserve)
    }

    /// What the fleet is told that a machine with so much memory has.
    ///
    /// The controller keeps a part of that back for the system, so here only what is reserved beyond it
    /// is taken off. Never all: a machine that tells of none would pass for one whose memory is not known.
    static func offered(of total: UInt64, reserve: UInt64) -> UInt64 {
        let keptThere = UInt64(clamping: ControllerPolicy().memoryReserve)
        let keptHere = reserve > keptThere ? reserve - keptThere : 0
        return max(total - min(keptHere, total), total / 16, 1)
    }
}
