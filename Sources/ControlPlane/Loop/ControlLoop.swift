package import FleetCore
package import Logging
package import RedisStore
import Synchronization

/// The one owner of the controller's machine.
///
/// It takes all events that wait, steps them, and writes what changed as one fenced batch; while that is
/// on its way it goes on stepping, and the next batch carries all that came meanwhile. What a crash could
/// take back (answers, orders, events) is let go only when its batch is acknowledged; renewals of leases
/// are not held, so a slow store never costs a node its work.
package final class ControlLoop: Sendable {
    enum Item: Sendable {
        case event(ControllerEvent)
        case apply(RequestID, FleetSpec, source: String)
        case read(@Sendable (Controller, Instant) -> @Sendable () -> Void)
        case committed(Result<Duration, RedisStoreError>)
    }

    /// What a batch has stored.
    package struct StoredBatch: Sendable {
        /// The jobs that have changed, as they are now.
        package var jobs: [Job] = []
        /// What happened.
        package var events: [FleetEvent] = []
        /// Tokens that are new.
        package var tokens: [TokenRecord] = []
        /// Tokens that are gone.
        package var goneTokens: [TokenName] = []
        /// Webhooks as they are now.
        package var webhooks: [WebhookRecord] = []
        /// Webhooks that are gone.
        package var goneWebhooks: [WebhookName] = []
        /// How long it took to store.
        package var latency = Duration.zero
    }

    /// What the loop hands on.
    package struct Outlets: Sendable {
        /// Sends a message to a session.
        package var send: @Sendable (Effects.Outgoing) -> Void
        /// Ends a session.
        package var close: @Sendable (Effects.Closing) -> Void
        /// Publishes events that are stored.
        package var publish: @Sendable ([FleetEvent]) -> Void
        /// Notes what a batch has stored, before anybody hears of it.
        package var stored: @Sendable (StoredBatch) -> Void
        /// Creates outlets.
        package init(
            send: @escaping @Sendable (Effects.Outgoing) -> Void,
            close: @escaping @Sendable (Effects.Closing) -> Void,
            publish: @escaping @Sendable ([FleetEvent]) -> Void,
            stored: @escaping @Sendable (StoredBatch) -> Void
        ) {
            self.send = send
            self.close = close
            self.publish = publish
            self.stored = stored
        }
    }

    let store: FleetStore
    /// The clock all instants come from.
    package let clock: AnchoredClock
    /// The term of this life of the controller.
    package let term: UInt64
    let leadWithin: Duration?
    let ledSince: ContinuousClock.Instant
    /// What the jobs of one batch may weigh, in bytes, before no more work is taken.
    let fullWeight: Int
    let logger: Logger
    /// Hears of every turn that is finished.
    let onTurn: @Sendable () -> Void
    /// What the machine takes back of the past, for a backup that is being made.
    let recalls = RecallNotes()
    let mailbox = Mailbox<Item>()
    private let waiting = Mutex<[RequestID: CheckedContinuation<Reply?, Never>]>([:])
    private let lastRequest = Atomic<UInt64>(0)
    private let status = Mutex(Status())
    /// The machine as it was when the loop ended, for those who still ask.
    private let last = Mutex<Controller?>(nil)

    /// How the store is doing, for callers and metrics.
    package struct Status: Sendable {
        /// Whether the last commit was acknowledged in time.
        package var isHealthy = true
        /// What went wrong last.
        package var error: String?
        /// How long the last commit took.
        package var latency: Duration?
        /// Commits so far.
        package var commits: UInt64 = 0
        /// Events stepped so far.
        package var steps: UInt64 = 0
        /// When the commit on its way began.
        package var committingSince: ContinuousClock.Instant?
    }

    /// How long an answer may take before the caller is told that its fate is unknown.
    static let replyWithin = Duration.seconds(10)
    /// A commit on its way this long means the store is not healthy.
    static let slowCommit = Duration.seconds(1)

    /// Creates a loop; nothing happens before `run`.
    ///
    /// With `leadWithin`, leases are renewed only while the store has confirmed the term within that
    /// time, counted first from `ledSince`, before the term was asked for; nil when nobody else can lead.
    /// What asks for work is refused while the next batch weighs more than `fullWeight`.
    package init(
        store: FleetStore, clock: AnchoredClock, term: UInt64, leadWithin: Duration? = nil,
        ledSince: ContinuousClock.Instant = .now, fullWeight: Int = 64 << 20, logger: Logger,
        onTurn: @escaping @Sendable () -> Void = {}
    ) {
        self.store = store
        self.clock = clock
        self.term = term
        self.leadWithin = leadWithin
        self.ledSince = ledSince
        self.fullWeight = fullWeight
        self.logger = logger
        self.onTurn = onTurn
    }

    /// The store's state now.
    package var health: Status {
        status.withLock { status in
            var now = status
            if let since = status.committingSince,
                ContinuousClock.now - since > Self.slowCommit
            {
                now.isHealthy = false
                now.error = now.error ?? "a commit takes longer than \(Self.slowCommit)"
            }
            return now
        }
    }

    // MARK: For callers

    /// Tells the machine something nobody waits for.
    package func post(_ event: ControllerEvent) { mailbox.post(.event(event)) }

    /// Asks the machine for something; nil when no answer came in time and the outcome is unknown.
    package func ask(_ event: (RequestID) -> ControllerEvent) async -> Reply? {
        let id = nextRequest()
        return await answer(id, posting: .event(event(id)))
    }

    /// Applies a fleet with the text it came from.
    package func apply(_ spec: FleetSpec, source: String) async -> Reply? {
        let id = nextRequest()
        return await answer(id, posting: .apply(id, spec, source: source))
    }

    /// Reads the machine's state; what was read is handed out when it is stored.
    package func read<Value: Sendable>(
        _ body: @escaping @Sendable (Controller, Instant) -> Value
    ) async -> Value {
        await withCheckedContinuation { continuation in
            let isTaken = mailbox.post(
                .read { controller, now in
                    let value = body(controller, now)
                    return { continuation.resume(returning: value) }
                })
            if !isTaken, let controller = last.withLock({ $0 }) {
                continuation.resume(returning: body(controller, clock.now))
            }
        }
    }

    /// Ends the loop for its callers: nobody waits for what will not come.
    func end(_ controller: Controller, _ reads: [@Sendable () -> Void]) {
        last.withLock { $0 = controller }
        for item in mailbox.close() {
            if case .read(let body) = item { body(controller, clock.now)() }
        }
        for hand in reads { hand() }
        let callers = waiting.withLock { waiting in
            let callers = waiting.values.map { $0 }
            waiting = [:]
            return callers
        }
        for caller in callers { caller.resume(returning: nil) }
    }

    private func nextRequest() -> RequestID {
        RequestID(lastRequest.add(1, ordering: .relaxed).newValue)
    }

    private func answer(_ id: RequestID, posting item: Item) async -> Reply? {
        await withTaskGroup(of: Reply?.self) { group in
            group.addTask { [self] in
                await withCheckedContinuation { continuation in
                    waiting.withLock { $0[id] = continuation }
                    if !mailbox.post(item) { resolve(id, nil) }
                }
            }
            group.addTask { [self] in
                try? await Task.sleep(for: Self.replyWithin)
                resolve(id, nil)
                return nil
            }
            let first = await group.next() ?? nil
            resolve(id, nil)
            group.cancelAll()
            return first
        }
    }

    func resolve(_ id: RequestID, _ reply: Reply?) {
        waiting.withLock { $0.removeValue(forKey: id) }?.resume(returning: reply)
    }

    func update(_ body: @Sendable (inout Status) -> Void) { status.withLock { body(&$0) } }
}
