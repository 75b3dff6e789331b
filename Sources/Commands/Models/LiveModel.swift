import Foundation

/// What the stream says between events: how something is now.
protocol LiveModel: Decodable, Sendable {
    /// The type under which the stream says it.
    static var type: String { get }
}

extension LiveModel {
    /// Reads an event; nil when it is another.
    init?(_ event: ServerSentEvent) {
        guard event.type == Self.type,
            let read = try? JSONDecoder().decode(Self.self, from: Data(event.data.utf8))
        else { return nil }
        self = read
    }
}
