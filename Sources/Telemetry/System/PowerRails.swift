/// The power meters on a Jetson's board, without tegrastats.
///
/// The INA3221 measures three rails; the kernels of JetPack 5 and later show it as a hwmon device in
/// mV and mA, those of JetPack 4 as an iio device in mW. Thor has an INA238 on its input besides.
struct PowerRails: Sendable, Hashable {
    private struct Channel: Sendable, Hashable {
        let name: String
        let measure: Measure
    }

    /// The files of a channel.
    private enum Measure: Sendable, Hashable {
        /// mV and mA.
        case product(volts: String, amperes: String)
        /// mW.
        case milliwatts(String)
        /// µW.
        case microwatts(String)
    }

    private let channels: [Channel]
    /// Whether no channel was left out because its name was there twice.
    private let isComplete: Bool

    private static let devices = "/sys/bus/i2c/devices"
    /// Channels of an INA3221 that are rails; a seventh is a sum of shunts.
    private static let numbers = 1...3

    /// Looks for them.
    init(in tree: SystemTree) {
        var channels: [Channel] = []
        for device in tree.names(Self.devices) {
            let folder = "\(Self.devices)/\(device)"
            switch tree.line(folder + "/name") {
            case "ina3221", "ina3221x":
                channels += Self.hwmon(folder, tree) + Self.iio(folder, tree)
            case "ina238":
                for monitor in Self.monitors(folder, tree) {
                    channels.append(
                        Channel(name: "VIN", measure: .microwatts(monitor + "/power1_input")))
                }
            default: continue
            }
        }
        let counts = Dictionary(channels.map { ($0.name, 1) }, uniquingKeysWith: &+)
        self.channels = channels.filter { counts[$0.name] == 1 }
        isComplete = counts.count == channels.count
    }

    /// mW by rail; one that cannot be read is left out.
    func read(_ tree: SystemTree) -> [(name: String, milliwatts: Int)] {
        channels.compactMap { channel in
            Self.milliwatts(channel.measure, tree).map { (channel.name, $0) }
        }
    }

    /// What the whole board draws, mW, when every rail could be read.
    func board(_ rails: [(name: String, milliwatts: Int)]) -> Int? {
        RailRule.board(rails, isComplete: isComplete && rails.count == channels.count)
    }

    private static func monitors(_ folder: String, _ tree: SystemTree) -> [String] {
        // Their numbers change from boot to boot.
        tree.names(folder + "/hwmon").filter { $0.hasPrefix("hwmon") }
            .map { "\(folder)/hwmon/\($0)" }
    }

    private static func hwmon(_ folder: String, _ tree: SystemTree) -> [Channel] {
        monitors(folder, tree).flatMap { monitor in
            numbers.compactMap { number -> Channel? in
                guard let name = tree.line("\(monitor)/in\(number)_label"),
                    !RailRule.isUnconnected(name)
                else { return nil }
                return Channel(
                    name: name,
                    measure: .product(
                        volts: "\(monitor)/in\(number)_input",
                        amperes: "\(monitor)/curr\(number)_input"))
            }
        }
    }

    private static func iio(_ folder: String, _ tree: SystemTree) -> [Channel] {
        tree.names(folder).filter { $0.hasPrefix("iio:device") }.flatMap { device in
            (0...2).compactMap { number -> Channel? in
                let file = "\(folder)/\(device)"
                guard let name = tree.line("\(file)/rail_name_\(number)"),
                    !RailRule.isUnconnected(name)
                else { return nil }
                return Channel(
                    name: name, measure: .milliwatts("\(file)/in_power\(number)_input"))
            }
        }
    }

    private static func milliwatts(_ measure: Measure, _ tree: SystemTree) -> Int? {
        switch measure {
        case .product(let volts, let amperes):
            guard let volts = tree.number(volts), let amperes = tree.number(amperes) else {
                return nil
            }
            let (product, overflow) = volts.multipliedReportingOverflow(by: amperes)
            return overflow ? nil : Int(exactly: product / 1000)
        case .milliwatts(let file): return tree.number(file).flatMap { Int(exactly: $0) }
        case .microwatts(let file): return tree.number(file).flatMap { Int(exactly: $0 / 1000) }
        }
    }
}
