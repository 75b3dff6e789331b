/// Builds the text format of Prometheus.
///
/// Here as both services write it.
package struct MetricsText {
    /// Labels and their values.
    package typealias Labels = [String: String]

    /// What was written so far.
    package private(set) var text = ""

    /// Begins an empty text.
    package init() {}

    /// A number that goes up and down.
    package mutating func gauge(_ name: String, _ help: String, _ values: [(Labels, Double)]) {
        write(name, help, "gauge", values)
    }

    /// A number that only rises; its name ends in `_total`.
    package mutating func counter(_ name: String, _ help: String, _ values: [(Labels, Double)]) {
        write(name, help, "counter", values)
    }

    /// How values are spread.
    package mutating func histogram(_ name: String, _ help: String, _ values: [(Labels, Histogram)])
    {
        begin(name, help, "histogram")
        for (labels, histogram) in values {
            var total: UInt64 = 0
            for (index, count) in histogram.counts.enumerated() {
                total += count
                let bound =
                    index < histogram.bounds.count ? Self.number(histogram.bounds[index]) : "+Inf"
                line("\(name)_bucket", labels.merging(["le": bound]) { $1 }, "\(total)")
            }
            line("\(name)_sum", labels, Self.number(histogram.sum))
            line("\(name)_count", labels, "\(total)")
        }
    }

    private mutating func write(
        _ name: String, _ help: String, _ type: String, _ values: [(Labels, Double)]
    ) {
        begin(name, help, type)
        for (labels, value) in values { line(name, labels, Self.number(value)) }
    }

    private mutating func begin(_ name: String, _ help: String, _ type: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private mutating func line(_ name: String, _ labels: Labels, _ value: String) {
        let pairs = labels.sorted { $0.key < $1.key }
            .map { "\($0.key)=\"\(Self.escape($0.value))\"" }.joined(separator: ",")
        text += "\(name)\(pairs.isEmpty ? "" : "{\(pairs)}") \(value)\n"
    }

    /// Whole numbers without a fraction, as everybody writes them.
    private static func number(_ value: Double) -> String {
        Int64(exactly: value).map(String.init) ?? "\(value)"
    }

    private static func escape(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing(
            "\n", with: "\\n")
    }
}
