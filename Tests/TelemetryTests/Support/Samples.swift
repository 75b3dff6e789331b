import Foundation
import Testing

@testable import Telemetry

/// The published lines of tegrastats.
enum Samples {
    struct Sample: Sendable, CustomTestStringConvertible {
        /// The comment before the line: board, L4T, source.
        let about: String
        /// The line.
        let line: String
        var testDescription: String { about }
    }

    static let all: [Sample] = {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Samples/tegrastats.txt")
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [] }
        var about = ""
        var samples: [Sample] = []
        for line in text.split(separator: "\n") {
            if line.hasPrefix("#") {
                about = String(line)
            } else {
                samples.append(Sample(about: about, line: String(line)))
            }
        }
        return samples
    }()

    /// What the first line with a piece of text tells.
    static func reading(with piece: String) throws -> TegrastatsReading {
        let sample = try #require(all.first { $0.line.contains(piece) })
        return try TegrastatsReading(parsing: sample.line)
    }
}

extension TegrastatsReading {
    func engine(_ name: String, _ index: Int = 0) -> Engine? {
        engines.first { $0.name == name && $0.index == index }
    }
    func celsius(_ name: String) -> Double? { sensors.first { $0.name == name }?.celsius }
    func rail(_ name: String) -> Rail? { rails.first { $0.name == name } }
}

extension UInt64 {
    static func mebibytes(_ count: UInt64) -> UInt64 { count << 20 }
}
