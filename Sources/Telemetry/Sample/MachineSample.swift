/// A sample of the machine; what could not be measured is absent, never zero.
package struct MachineSample: Sendable, Hashable {
    /// Processor use, 0…1.
    package internal(set) var cpu: Double?
    /// GPU use, 0…1.
    package internal(set) var gpu: Double?
    /// Bytes of memory in use.
    package internal(set) var memoryUsed: UInt64?
    /// Bytes of memory.
    package internal(set) var memoryTotal: UInt64?
    /// Bytes of swap in use.
    package internal(set) var swapUsed: UInt64?
    /// Bytes of swap.
    package internal(set) var swapTotal: UInt64?
    /// The hottest real sensor, °C.
    package internal(set) var temperature: Double?
    /// The whole board, W.
    package internal(set) var power: Double?
    /// °C by sensor, at most `valuesMax`.
    package internal(set) var temperatures: [Value] = []
    /// W by rail, at most `valuesMax`.
    package internal(set) var watts: [Value] = []
    /// The power mode of a Jetson, such as `MAXN`.
    package internal(set) var powerMode: String?

    /// The most sensors, and the most rails, a sample has; a board has about ten.
    package static let valuesMax = 64

    /// A number with the name of what it was measured at.
    package struct Value: Sendable, Hashable {
        /// Letters, digits, `_`, `-` and `.`; no two of a list are the same.
        package let name: String
        /// The number.
        package let value: Double
    }

    /// A list in the order of the names, which are made plain.
    static func values(_ pairs: [(name: String, value: Double)]) -> [Value] {
        let named = pairs.map { (plain($0.name), $0.value) }
        return Dictionary(named, uniquingKeysWith: { first, _ in first })
            .map { Value(name: $0.key, value: $0.value) }
            .sorted { $0.name < $1.name }
            .prefix(valuesMax).map(\.self)
    }

    /// A name fit for a label, at most 64 bytes.
    static func plain(_ name: String) -> String {
        let bytes = name.utf8.prefix(64).map { $0.isNamePart ? $0 : UInt8(ascii: "_") }
        return bytes.isEmpty ? "_" : String(decoding: bytes, as: UTF8.self)
    }
}
