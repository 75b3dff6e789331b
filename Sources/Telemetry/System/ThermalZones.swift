/// The temperature sensors that the kernel has.
struct ThermalZones: Sendable, Hashable {
    private struct Zone: Sendable, Hashable {
        let name: String
        let file: String
    }
    private let zones: [Zone]

    private static let folder = "/sys/devices/virtual/thermal"
    private static let prefix = "thermal_zone"

    /// Looks for them.
    ///
    /// Zones of one type are told apart by their numbers.
    init(in tree: SystemTree) {
        let found = tree.names(Self.folder).filter { $0.hasPrefix(Self.prefix) }.compactMap {
            zone -> (type: String, number: Substring, file: String)? in
            guard let type = tree.line("\(Self.folder)/\(zone)/type") else { return nil }
            return (type, zone.dropFirst(Self.prefix.count), "\(Self.folder)/\(zone)/temp")
        }
        let counts = Dictionary(found.map { ($0.type, 1) }, uniquingKeysWith: &+)
        zones = found.map {
            Zone(name: counts[$0.type] == 1 ? $0.type : "\($0.type)-\($0.number)", file: $0.file)
        }
    }

    /// °C by sensor; one that cannot be read has no power and is left out.
    func read(_ tree: SystemTree) -> [(name: String, celsius: Double)] {
        zones.compactMap { zone in
            guard let millidegrees = tree.number(zone.file) else { return nil }
            let celsius = Double(millidegrees) / 1000
            return SensorRule.real.contains(celsius) ? (zone.name, celsius) : nil
        }
    }
}
