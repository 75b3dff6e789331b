/// What one line of tegrastats tells; what it does not tell is absent, never zero.
///
/// The columns depend on the board, the release of L4T and whether root asked, so every field is
/// optional. Loads are 0…1, clocks MHz, temperatures °C, rails mW, sizes bytes.
package struct TegrastatsReading: Sendable, Hashable, Codable {
    /// The longest line read, in bytes; real ones have less than 1200.
    package static let lineMax = 8192

    /// The local time before the line, `MM-DD-YYYY HH:MM:SS`, as it is written; R34 and later.
    package internal(set) var time: String?
    /// Main memory, which GPU and processors share.
    package internal(set) var memory: Memory?
    /// Swap space.
    package internal(set) var swap: Memory?
    /// The memory of the boot processor; TX1 and Nano.
    package internal(set) var iram: Memory?
    /// The processor cores in their order.
    package internal(set) var cores: [Core] = []
    /// The engines besides the processors: `GR3D` is the GPU, `EMC` the memory controller.
    package internal(set) var engines: [Engine] = []
    /// How the processors' time was spent; TX2 and Xavier.
    package internal(set) var mts: MTS?
    /// The sensors that measured something.
    package internal(set) var sensors: [Sensor] = []
    /// The power rails that are connected.
    package internal(set) var rails: [Rail] = []
    /// Names of rails that stood there more than once, so that none of them was believed.
    package internal(set) var ambiguousRails: [String] = []
    /// Words that were not understood, as they stand there.
    package internal(set) var unknown: [String] = []
}

extension TegrastatsReading {
    /// A kind of memory.
    package struct Memory: Sendable, Hashable, Codable {
        /// Bytes in use.
        package let used: UInt64
        /// Bytes there are.
        package let total: UInt64
        /// Bytes of swap that are in main memory as well.
        package internal(set) var cached: UInt64?
        /// The largest free block, in bytes.
        package internal(set) var largestFree: UInt64?
        /// How many free blocks of that size there are.
        package internal(set) var largestFreeCount: Int?
    }

    /// A processor core.
    package struct Core: Sendable, Hashable, Codable {
        /// Whether it has power; one that has none has neither load nor clock.
        package let isOn: Bool
        /// Use, 0…1.
        package internal(set) var load: Double?
        /// Its clock, MHz.
        package internal(set) var megahertz: Int?
    }

    /// An engine: a GPU, a coder, a controller.
    package struct Engine: Sendable, Hashable, Codable {
        /// The name without index and `_FREQ`, in capitals: `NVENC1_FREQ` is `NVENC`.
        package let name: String
        /// Which of its kind, from 0; none written is 0.
        package let index: Int
        /// Whether it has power.
        package internal(set) var isOn: Bool
        /// Use, 0…1; of several parts that of the busiest.
        package internal(set) var load: Double?
        /// The clock of each part, MHz; empty when none is told.
        package internal(set) var megahertz: [Int]
    }

    /// Shares of time, 0…1.
    package struct MTS: Sendable, Hashable, Codable {
        /// In the foreground.
        package let foreground: Double
        /// In the background.
        package let background: Double
    }

    /// A temperature sensor.
    package struct Sensor: Sendable, Hashable, Codable {
        /// The name of its thermal zone, as it is written.
        package let name: String
        /// Now, °C.
        package let celsius: Double
        /// The highest since tegrastats began, °C; R39 and later.
        package internal(set) var peak: Double?
    }

    /// A power rail.
    package struct Rail: Sendable, Hashable, Codable {
        /// The name, as it is written.
        package let name: String
        /// Now, mW.
        package let milliwatts: Int
        /// The mean since tegrastats began, mW.
        package internal(set) var mean: Int?
        /// The highest since tegrastats began, mW; R39 and later.
        package internal(set) var peak: Int?
    }
}
