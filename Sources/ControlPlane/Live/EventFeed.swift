package import FleetCore
import NIOCore
import Settings
import Synchronization

/// The latest events, and everybody who follows them.
///
/// A reader is no more than a place among the kept events: one that is slow costs nothing and slows
/// nothing down, and when its place is no longer kept it is told so and must look again.
package final class EventFeed: Sendable {
    /// Events kept for readers that come back or are slow.
    package static let kept = 10_000
    /// Readers at once, where the process may open files enough.
    package static let readerLimit = 10_000
    /// Events handed out at once.
    static let pageLimit = 32
    /// How often a reader is told that we live, and how far it is.
    static let pingEvery = Duration.seconds(15)
    /// How often readers are asked whether they may go on: a token may have ended.
    static let checkEvery = Duration.seconds(2)

    /// An event, and how the stream writes it, made once for all readers.
    struct Kept: Sendable {
        let event: FleetEvent
        let frame = Frame()
    }

    /// What some readers want written of an event.
    final class Frame: Sendable {
        private let bytes = Mutex<ByteBuffer?>(nil)

        func get(_ make: () throws -> ByteBuffer) rethrows -> ByteBuffer {
            try bytes.withLock { bytes in
                if let bytes { return bytes }
                let made = try make()
                bytes = made
                return made
            }
        }
    }

    /// Events behind a place.
    enum Page: Sendable {
        /// The next ones, oldest first; none when all is read.
        case events([Kept])
        /// Some are no longer kept, or the place is none of this record: it is beyond the last event.
        case gone
    }

    /// Why one more may not follow.
    enum NoRoom: Error {
        /// As many follow as may.
        case full
        /// The caller has as many readers as one may have.
        case shareTaken
    }

    private struct State {
        var events: [Kept] = []
        var readers: [UInt64: Follower] = [:]
        /// How many of them each caller has.
        var shares: [SubmitterName: Int] = [:]
        var last: UInt64 = 0

        /// The index of the first event behind a number; nil when some are gone already, and when the
        /// number was not given yet.
        ///
        /// Who has such a number has it of a record that was there before this one: behind it nothing
        /// would come for long.
        func index(after sequence: UInt64) -> Int? {
            guard let first = events.first?.event.sequence, let last = events.last?.event.sequence
            else { return sequence == 0 ? 0 : nil }
            guard sequence <= last, first <= sequence || first - sequence == 1 else { return nil }
            var (low, high) = (0, events.count)
            while low < high {
                let middle = (low + high) / 2
                if events[middle].event.sequence <= sequence {
                    low = middle + 1
                } else {
                    high = middle
                }
            }
            return low
        }
    }
    private struct Follower {
        weak var reader: EventReader?
        let caller: SubmitterName
    }

    private let state = Mutex(State())
    private let signal = Signal()
    private let limit: Int
    /// The most readers of one caller, so that nobody takes the room of all others.
    private let share: Int

    /// Creates a feed that begins with earlier events, for so many readers; a tenth of them may be one
    /// caller's.
    package init(earlier: [FleetEvent] = [], limit: Int = EventFeed.readerLimit) {
        self.limit = limit
        share = max(1, limit / 10)
        state.withLock { $0.events = earlier.map { Kept(event: $0) } }
    }

    /// How many follow.
    package var readers: Int { state.withLock { $0.readers.count } }

    /// Wakes readers, lets them say that they live and ends those that may not go on, until cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { [self] in
                while !Task.isCancelled {
                    await signal.wait()
                    for reader in followers() { reader.signal.nudge() }
                }
            }
            group.addTask { [self] in
                while (try? await Task.sleep(for: Self.pingEvery)) != nil {
                    for reader in followers() { reader.ping() }
                }
            }
            group.addTask { [self] in
                while (try? await Task.sleep(for: Self.checkEvery)) != nil { checkReaders() }
            }
        }
    }

    /// Ends the readers that may not go on.
    func checkReaders() {
        for reader in followers() { reader.check() }
    }

    private func followers() -> [EventReader] {
        state.withLock { $0.readers.values.compactMap(\.reader) }
    }

    /// Adds events that are stored; readers are woken by `run`, so that many do not hold up the caller.
    package func publish(_ events: [FleetEvent]) {
        guard !events.isEmpty else { return }
        state.withLock { state in
            state.events += events.map { Kept(event: $0) }
            if state.events.count > Self.kept * 2 {
                state.events.removeFirst(state.events.count - Self.kept)
            }
        }
        signal.nudge()
    }

    /// Events after a number that are still kept, oldest first; nil when some are gone already, and when
    /// the number was not given yet.
    package func events(after sequence: UInt64) -> [FleetEvent]? {
        state.withLock { state in
            state.index(after: sequence).map { state.events[$0...].map(\.event) }
        }
    }

    /// The number of the last event from before an instant; nil when none that old is kept here.
    func last(before instant: Instant) -> UInt64? {
        state.withLock { $0.events.last { $0.event.at < instant }?.event.sequence }
    }

    /// Some of the events after a number.
    func page(after sequence: UInt64, limit: Int = pageLimit) -> Page {
        state.withLock { state in
            guard let index = state.index(after: sequence) else { return .gone }
            return .events(Array(state.events[index...].prefix(limit)))
        }
    }

    /// All kept events, oldest first.
    package var all: [FleetEvent] { state.withLock { $0.events.map(\.event) } }

    /// The number of the last event; 0 before the first.
    package var latest: UInt64 { state.withLock { $0.events.last?.event.sequence ?? 0 } }

    /// Follows for a caller, from a number on or from now on.
    func follow(
        _ caller: SubmitterName, after sequence: UInt64? = nil
    ) throws(NoRoom) -> EventReader {
        try state.withLock { state -> Result<EventReader, NoRoom> in
            let own = state.shares[caller, default: 0]
            guard own < share else { return .failure(.shareTaken) }
            guard state.readers.count < limit else { return .failure(.full) }
            state.last += 1
            let place = sequence ?? state.events.last?.event.sequence ?? 0
            let reader = EventReader(feed: self, id: state.last, after: place)
            state.readers[state.last] = Follower(reader: reader, caller: caller)
            state.shares[caller] = own + 1
            return .success(reader)
        }.get()
    }

    func leave(_ id: UInt64) {
        state.withLock { state in
            guard let caller = state.readers.removeValue(forKey: id)?.caller else { return }
            let left = state.shares[caller, default: 0] - 1
            state.shares[caller] = left > 0 ? left : nil
        }
    }
}
