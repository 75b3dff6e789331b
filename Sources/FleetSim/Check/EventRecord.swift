package import FleetCore
import Foundation

/// An event as the API and `jctl events -o jsonl` write it.
package struct EventRecord: Codable, Sendable {
    var seq: UInt64
    var at: String
    var type: String
    var job: String?
    var plan: String?
    var attempt: Int?
    var node: String?
    var from: String?
    var to: String?
    var reason: String?

    /// Why a line is no event.
    package struct Mistake: Error, CustomStringConvertible {
        /// What is wrong.
        package let description: String
    }

    /// The most bytes of a line; a longer one is no event.
    package static let lineLimit = 1 << 20

    /// Writes an event of a simulated fleet.
    init(_ event: FleetEvent) {
        seq = event.sequence
        at = Self.text(event.at)
        type = event.kind.rawValue
        job = event.job?.rawValue
        plan = event.plan?.rawValue
        attempt = event.attempt
        node = event.node?.rawValue
        from = event.from
        to = event.to
        reason = event.reason
    }

    /// Reads a line; nil for a type of a newer version, which is passed over.
    package static func parse(_ line: String) throws(Mistake) -> FleetEvent? {
        guard line.utf8.count <= lineLimit else {
            throw Mistake(description: "the line has more than \(lineLimit) bytes")
        }
        let record: EventRecord
        do {
            record = try JSONDecoder().decode(EventRecord.self, from: Data(line.utf8))
        } catch {
            throw Mistake(description: "this is no event: \(reason(error))")
        }
        guard let at = instant(record.at) else {
            throw Mistake(description: "\"\(record.at.prefix(40))\" is no time")
        }
        guard let kind = FleetEvent.Kind(rawValue: record.type) else { return nil }
        return FleetEvent(
            sequence: record.seq, at: at, kind: kind, job: record.job.map { JobID($0) },
            plan: record.plan.map { PlanID($0) }, attempt: record.attempt,
            node: record.node.map { NodeName($0) }, from: record.from,
            to: record.to, reason: record.reason)
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, _): "it has no \"\(key.stringValue)\""
        case DecodingError.typeMismatch(_, let context),
            DecodingError.valueNotFound(_, let context):
            "\"\(context.codingPath.last?.stringValue ?? "the line")\" has the wrong type"
        default: "it is no JSON object"
        }
    }

    private static let plain = Date.ISO8601FormatStyle()
    private static let fractional = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    private static func instant(_ text: String) -> Instant? {
        guard let date = (try? fractional.parse(text)) ?? (try? plain.parse(text)) else {
            return nil
        }
        let nanoseconds = date.timeIntervalSince1970 * 1e9
        guard nanoseconds.magnitude < 9e18 else { return nil }
        return Instant(nanoseconds: Int64(nanoseconds))
    }

    private static func text(_ instant: Instant) -> String {
        Date(timeIntervalSince1970: Double(instant.nanoseconds) / 1e9).formatted(fractional)
    }
}
