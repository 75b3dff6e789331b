import FleetCore
import Foundation

/// A trace as lines.
enum TraceText {
    private struct Form: Encodable {
        var at: Double
        var place: String
        var text: String
    }

    /// A line for people, cut to a width.
    static func line(_ line: Trace.Line, width: Int) -> String {
        let at = String(format: "%10.3f", line.at.since(.zero).inSeconds)
        let text = line.text.replacingOccurrences(of: "FleetCore.", with: "")
        return String("\(at)  \(line.place)  \(text)".prefix(width))
    }

    /// A line of JSON.
    static func json(_ line: Trace.Line) -> String {
        JSONLine.encode(
            Form(at: line.at.since(.zero).inSeconds, place: line.place, text: line.text))
    }
}
