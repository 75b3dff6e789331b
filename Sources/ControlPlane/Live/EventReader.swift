import FleetCore
import NIOCore
import OrderedCollections
import Settings
import Synchronization

/// Somebody who follows events, for as long as this is kept.
final class EventReader: Sendable {
    /// What a reader gets.
    enum Item: Sendable {
        /// Something happened.
        case events([EventFeed.Kept])
        /// How something is now that is in no event: written as it is.
        case live([ByteBuffer])
        /// The reader's peer shall know that we live, and that it was told all up to this event.
        case ping(UInt64)
        /// It was too slow, or came with a number that is none of this record, and some of what happened is missing; it
        /// goes on behind this event.
        case behind(UInt64)
    }

    private struct State {
        var place: UInt64
        /// The latest of what is in no event, by what it is of.
        var live: OrderedDictionary<LiveSubject, ByteBuffer> = [:]
        var mayPing = false
        var isOver = false
        var mayGoOn: @Sendable () -> Bool = { true }
    }

    private let feed: EventFeed
    private let id: UInt64
    private let state: Mutex<State>
    let signal = Signal()

    init(feed: EventFeed, id: UInt64, after place: UInt64) {
        self.feed = feed
        self.id = id
        state = Mutex(State(place: place))
    }

    deinit { feed.leave(id) }

    /// The number of the event behind which it goes on.
    var place: UInt64 { state.withLock { $0.place } }

    /// The next there is, waited for; nil when the reader has ended or its task is cancelled.
    func next() async -> Item? {
        while !Task.isCancelled {
            let (place, isOver) = state.withLock { ($0.place, $0.isOver) }
            if isOver { return nil }
            switch feed.page(after: place) {
            case .events(let events):
                if let last = events.last {
                    state.withLock { $0.place = last.event.sequence }
                    return .events(events)
                }
            case .gone:
                let latest = feed.latest
                state.withLock { $0.place = latest }
                return .behind(latest)
            }
            // Behind what happened: it is how things are now.
            let live = state.withLock { state in
                defer { state.live = [:] }
                return Array(state.live.values)
            }
            if !live.isEmpty { return .live(live) }
            // Kept until here: what has happened meanwhile may be nothing that the peer wants.
            let mayPing = state.withLock { state in
                defer { state.mayPing = false }
                return state.mayPing
            }
            if mayPing { return .ping(place) }
            await signal.wait()
        }
        return nil
    }

    /// Tells the reader how something is now; what it has not taken yet of the same is void.
    func offer(_ frames: [(LiveSubject, ByteBuffer)]) {
        guard !frames.isEmpty else { return }
        state.withLock { state in for (subject, frame) in frames { state.live[subject] = frame } }
        signal.nudge()
    }

    /// Says what the reader lasts for: it is asked every few seconds whether that is still so.
    func lasts(while mayGoOn: @escaping @Sendable () -> Bool) {
        state.withLock { $0.mayGoOn = mayGoOn }
    }

    /// Ends the reader if it may not go on.
    func check() {
        let mayGoOn = state.withLock { $0.mayGoOn }
        if !mayGoOn() { end() }
    }

    /// Whether the reader has been ended.
    var isOver: Bool { state.withLock { $0.isOver } }

    /// Ends the reader.
    func end() {
        state.withLock { $0.isOver = true }
        signal.nudge()
    }

    /// Lets the reader say that it lives.
    func ping() {
        state.withLock { $0.mayPing = true }
        signal.nudge()
    }
}
