/// Counts of values in ranges, as Prometheus wants them.
package struct Histogram: Sendable {
    /// The upper bounds of the ranges, rising; above the last there is one more.
    let bounds: [Double]
    private(set) var counts: [UInt64]
    private(set) var sum = 0.0

    /// Creates an empty one.
    package init(_ bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    /// Counts a value.
    package mutating func observe(_ value: Double) {
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        counts[index] += 1
        sum += value
    }

    /// For times of people's work: from a tenth of a second to hours.
    package static let work = Histogram([
        0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400,
    ])
    /// For times of machines: from half a millisecond to seconds.
    package static let quick = Histogram([
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5,
    ])
}
