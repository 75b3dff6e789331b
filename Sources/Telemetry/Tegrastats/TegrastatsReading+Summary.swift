extension TegrastatsReading {
    /// The GPU's use, 0…1; absent when only clocks are told, as on Thor.
    package var gpuLoad: Double? {
        engines.first { $0.name == "GR3D" && $0.index == 0 }?.load
    }

    /// The hottest real sensor, °C.
    package var hottest: Double? {
        sensors.filter { !SensorRule.isDummy($0.name) }.map(\.celsius).max()
    }

    /// What the whole board draws, mW.
    ///
    /// The rail of its input where there is one, else all rails together, as the AGX boxes have it.
    package var boardMilliwatts: Int? {
        RailRule.board(
            rails.map { ($0.name, $0.milliwatts) }, isComplete: ambiguousRails.isEmpty)
    }
}

/// Which temperatures mean something.
enum SensorRule {
    /// What the kernel tells of a sensor whose power domain is off is -256 °C; nothing real is so cold.
    static let real = -100.0...300.0

    /// Sensors that always tell the same: the power chip's is 50 or 100 °C, the charger's 115 °C.
    static func isDummy(_ name: String) -> Bool {
        let name = name.lowercased()
        return name.hasPrefix("pmic") || name == "charger"
    }
}

/// Which rails mean what.
enum RailRule {
    /// Rails that carry all the others, the most encompassing first.
    private static let inputs = ["VIN", "POM_5V_IN", "VDD_IN"]

    /// Whether a channel is connected to nothing.
    static func isUnconnected(_ name: String) -> Bool { name.uppercased() == "NC" }

    /// What the whole board draws; a sum that lacks a part is none.
    static func board(_ rails: [(name: String, milliwatts: Int)], isComplete: Bool) -> Int? {
        for input in inputs {
            if let rail = rails.first(where: { $0.name == input }) { return rail.milliwatts }
        }
        guard isComplete, !rails.isEmpty else { return nil }
        var sum = 0
        for rail in rails {
            let (next, overflow) = sum.addingReportingOverflow(rail.milliwatts)
            guard !overflow else { return nil }
            sum = next
        }
        return sum
    }
}
