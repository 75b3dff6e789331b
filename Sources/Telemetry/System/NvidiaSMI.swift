/// One line of `nvidia-smi` for one GPU; what the GPU does not tell is absent.
///
/// Of the GB10 in a DGX Spark use, temperature and power are told; Jetsons tell nothing but `N/A`.
package struct NvidiaSMI: Sendable, Hashable {
    /// The program's arguments besides the interval.
    package static let arguments = [
        "--query-gpu=utilization.gpu,temperature.gpu,power.draw", "--format=csv,noheader,nounits",
    ]

    /// Use, 0…1.
    package let load: Double?
    /// °C.
    package let celsius: Double?
    /// What the GPU draws, W; the board draws more.
    package let watts: Double?

    /// Reads a line such as `12, 45, 30.12` or `7, 50, [Not Supported]`; nil when it is no such line.
    package init?(parsing line: some Collection<UInt8>) {
        guard line.count <= 512 else { return nil }
        let fields = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            .map { Self.number(Array($0)) }
        guard fields.count == 3, fields.contains(where: { $0 != nil }) else { return nil }
        load = fields[0].flatMap { (0...100).contains($0) ? $0 / 100 : nil }
        celsius = fields[1].flatMap { SensorRule.real.contains($0) ? $0 : nil }
        watts = fields[2].flatMap { $0 >= 0 ? $0 : nil }
    }

    private static func number(_ field: [UInt8]) -> Double? {
        let blank = UInt8(ascii: " ")
        let word = field.drop { $0 == blank }.prefix { $0 != blank && $0 != 0x0D }
        var scanner = Scanner(word)
        guard let number = scanner.number(), scanner.isAtEnd else { return nil }
        return number
    }
}
