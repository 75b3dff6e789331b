package import FleetCore
import Synchronization

/// The latest events, and everybody who follows them.
///
/// A reader that falls more than its buffer behind is told so and must look again; it never slows
/// anything down.
package final class EventFeed: Sendable {
    /// Events kept for readers that come back.
    package static let kept = 10_000
    /// Events a reader may be behind.
    static let readerBuffer = 1_000

    /// What a reader gets.
    package enum Item: Sendable {
        /// Something happened.
        case event(FleetEvent)
        /// Nothing for a while; the reader's peer shall know that we live.
        case ping
    }

    private struct State {
        var events: [FleetEvent] = []
        var readers: [UInt64: AsyncStream<Item>.Continuation] = [:]
        var last: UInt64 = 0
    }
    private let state = Mutex(State())

    /// Creates a feed that begins with earlier events.
    package init(earlier: [FleetEvent] = []) {
        state.withLock { $0.events = earlier }
    }

    /// How many follow.
    package var readers: Int { state.withLock { $0.readers.count } }

    /// Adds events that are stored.
    package func publish(_ events: [FleetEvent]) {
        guard !events.isEmpty else { return }
        state.withLock { state in
            state.events += events
            if state.events.count > Self.kept * 2 {
                state.events.removeFirst(state.events.count - Self.kept)
            }
            for (id, reader) in state.readers {
                for event in events {
                    if case .dropped = reader.yield(.event(event)) {
                        reader.finish()
                        state.readers[id] = nil
                        break
                    }
                }
            }
        }
    }

    /// Lets every reader say that it lives.
    package func ping() {
        state.withLock { state in
            for reader in state.readers.values { reader.yield(.ping) }
        }
    }

    /// Events after a number that are still kept, oldest first; nil when some are gone already.
    package func events(after sequence: UInt64) -> [FleetEvent]? {
        state.withLock { state in
            guard let first = state.events.first else { return sequence == 0 ? [] : nil }
            // Whoever asks may name any number, the greatest too.
            guard sequence == .max || first.sequence <= sequence + 1 else { return nil }
            return state.events.filter { $0.sequence > sequence }
        }
    }

    /// All kept events, oldest first.
    package var all: [FleetEvent] { state.withLock { $0.events } }

    /// Follows from now on; the stream ends when the reader is too slow.
    package func follow() -> (id: UInt64, items: AsyncStream<Item>) {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Item.self, bufferingPolicy: .bufferingOldest(Self.readerBuffer))
        return state.withLock { state in
            state.last += 1
            state.readers[state.last] = continuation
            return (state.last, stream)
        }
    }

    /// Ends a reader.
    package func unfollow(_ id: UInt64) {
        state.withLock { $0.readers.removeValue(forKey: id) }?.finish()
    }
}
