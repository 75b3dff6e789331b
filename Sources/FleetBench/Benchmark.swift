import Foundation

/// One thing that is measured.
struct Benchmark: Sendable {
    let name: String
    let about: String
    let unit: String
    /// Whether more of the unit is better.
    var moreIsBetter = false
    /// One value, in the unit.
    let sample: @Sendable () async throws -> Double

    /// A benchmark of nanoseconds for each call of `body`.
    ///
    /// A sample is the mean over so many calls, at least a few milliseconds' worth.
    static func time(
        _ name: String, _ about: String, calls: Int = 5_000,
        _ body: @escaping @Sendable () throws -> Int
    ) -> Benchmark {
        Benchmark(name: name, about: about, unit: "ns") {
            var sum = 0
            let begin = ContinuousClock.now
            for _ in 0..<calls { sum &+= try body() }
            let time = ContinuousClock.now - begin
            // What is not used may be left out by the compiler.
            guard sum != .min else { throw BenchmarkError("nothing was done") }
            return Double(time.components.attoseconds) / 1e9 / Double(calls)
                + Double(time.components.seconds) * 1e9 / Double(calls)
        }
    }

    /// Measures, and says it as one JSON object.
    func line(samples: Int) async throws -> String {
        // The first one loads code and caches.
        _ = try await sample()
        var values: [Double] = []
        for _ in 0..<samples { values.append(try await sample()) }
        values.sort()
        let line = Line(
            name: name, value: values[values.count / 2], unit: unit,
            better: moreIsBetter ? "higher" : "lower", n: values.count,
            p50: values[values.count / 2], p95: values[(values.count - 1) * 95 / 100],
            p99: values[(values.count - 1) * 99 / 100])
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(line), as: UTF8.self)
    }

    private struct Line: Encodable {
        let name: String
        let value: Double
        let unit: String
        let better: String
        let n: Int
        let p50: Double
        let p95: Double
        let p99: Double
    }
}

/// Why nothing was measured.
struct BenchmarkError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
