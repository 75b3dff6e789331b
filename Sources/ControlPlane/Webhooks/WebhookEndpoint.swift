import FleetCore
import Settings
import Synchronization

/// A webhook at work: what is stored of it, and what has happened since.
final class WebhookEndpoint: Sendable {
    /// What is known of it, for lists, metrics and the diagnosis.
    struct Status: Sendable {
        /// What is stored.
        var record: WebhookRecord
        /// The number of the last event that needs no delivery any more.
        var place: UInt64
        /// Deliveries taken, tries failed and events given up, in this life of the controller.
        var delivered: UInt64 = 0
        var failed: UInt64 = 0
        var dropped: UInt64 = 0
        /// Why the last try failed; nil when it did not.
        var error: String?
        /// When the next try is due; nil when none waits.
        var nextTry: Instant?
        fileprivate var reported: WebhookProgress
        fileprivate var isNews = false
        fileprivate var isTested = false
    }

    let name: WebhookName
    let id: String
    /// Something has happened.
    let news = Signal()
    /// Try again now.
    let urge = Signal()
    /// It was removed.
    let gone = Signal()
    private let state: Mutex<Status>
    /// There is something to report.
    private let dirty: Signal

    /// Events that nobody wants are passed over; after so many the place is worth storing.
    private static let skipsWorthStoring: UInt64 = 1_000

    init(_ record: WebhookRecord, dirty: Signal) {
        name = record.name
        id = record.id
        self.dirty = dirty
        state = Mutex(
            Status(
                record: record, place: record.through,
                reported: WebhookProgress(
                    name: record.name, id: record.id, through: record.through)))
    }

    var status: Status { state.withLock { $0 } }

    /// Takes what was stored.
    func update(_ record: WebhookRecord) { state.withLock { $0.record = record } }

    /// Goes on behind events that need no delivery.
    func skip(through place: UInt64) {
        let isWorth = state.withLock { status in
            status.place = max(status.place, place)
            let isWorth = status.place - status.reported.through >= Self.skipsWorthStoring
            if isWorth { status.isNews = true }
            return isWorth
        }
        if isWorth { dirty.nudge() }
    }

    /// Notes what became of a try; `next` is when there will be another.
    func note(_ outcome: WebhookOutcome, next: Instant?) {
        state.withLock { status in
            status.nextTry = next
            status.isNews = true
            switch outcome {
            case .delivered:
                status.delivered += 1
                status.error = nil
                status.reported.succeeded = true
            case .failed(let why):
                status.failed += 1
                status.error = why
                status.reported.succeeded = false
            }
        }
        dirty.nudge()
    }

    /// Goes on behind an event that was delivered, or given up.
    func pass(_ place: UInt64, dropped: Bool = false) {
        state.withLock { status in
            status.place = max(status.place, place)
            status.isNews = true
            if dropped {
                status.dropped += 1
                status.reported.dropped += 1
            }
        }
        dirty.nudge()
    }

    /// What the machine should know; nil when it knows all.
    func report() -> WebhookProgress? {
        state.withLock { status in
            guard status.isNews else { return nil }
            status.isNews = false
            status.reported.through = status.place
            let report = status.reported
            status.reported.dropped = 0
            status.reported.succeeded = nil
            return report
        }
    }

    /// Whether a test may begin: one at a time.
    func beginTest() -> Bool {
        state.withLock { status in
            if status.isTested { return false }
            status.isTested = true
            return true
        }
    }

    func endTest() { state.withLock { $0.isTested = false } }
}
