import Foundation

/// Follows one thing to its end by the controller's stream, through lost connections.
struct Follower<Model: Sendable> {
    let session: Session
    let client: APIClient
    let topic: String
    /// Whether much happens in a second, and a look at it is the same for all of that.
    var isBusy = false
    /// Looks at the thing as it is.
    let look: () async throws -> Fetched<Model>
    /// Whether that is what is waited for.
    let isDone: (Model) -> Bool

    /// How long the controller may be unreachable before following ends, in seconds.
    private static var patience: Double { 120 }
    /// The shortest time between two looks at what is busy.
    private static var rest: Duration { .milliseconds(300) }

    /// What was last seen when the time was over.
    struct TimedOut: Error {
        let last: Model?
    }

    /// Waits for the end; past the deadline `TimedOut`.
    ///
    /// `take` changes what was seen by what events say, and tells whether that is all there is to them.
    func follow(
        until deadline: Date?, show: (Model) -> Void, note: (String) -> Void,
        take: ([ServerSentEvent], inout Model) -> Bool = { _, _ in false }
    ) async throws -> Fetched<Model> {
        // Before a stream is asked for: of what is not there, there is nothing to follow.
        var seen = try await patientLook(nil, until: deadline, note)
        show(seen.model)
        if isDone(seen.model) { return seen }
        var stream = EventStream(client: client, session: session, topics: [topic], after: nil)
        stream.patience = Self.patience
        stream.isPatientAtFirst = true
        return try await stream.withNews(until: deadline, latestOnly: isBusy) { news in
            var isAway = false
            for try await item in news {
                // With what is busy another news may have taken the place of the deadline's.
                if let deadline, session.context.now() >= deadline {
                    throw TimedOut(last: seen.model)
                }
                switch item {
                case .lost:
                    if !isAway { note("the controller is unreachable; trying again") }
                    isAway = true
                    continue
                case .tick:
                    show(seen.model)
                    continue
                case .events(let events) where take(events, &seen.model):
                    show(seen.model)
                    continue
                case .deadline: throw TimedOut(last: seen.model)
                case .connected, .events: break
                }
                seen = try await patientLook(seen.model, until: deadline, isAway: isAway, note)
                isAway = false
                show(seen.model)
                if isDone(seen.model) { return seen }
                if isBusy { try await session.context.pause(Self.rest) }
            }
            throw CancellationError()
        }
    }

    /// Looks until there is an answer: an event that nobody could look after must not be lost.
    private func patientLook(
        _ last: Model?, until deadline: Date?, isAway: Bool = false, _ note: (String) -> Void
    ) async throws -> Fetched<Model> {
        let start = session.context.now()
        var isFirst = !isAway
        while true {
            do {
                let seen = try await look()
                if !isFirst { note("the controller is back") }
                return seen
            } catch let error as CommandError where error.status.isPassing {
                let now = session.context.now()
                if let deadline, now >= deadline { throw TimedOut(last: last) }
                guard now.timeIntervalSince(start) < Self.patience else { throw error }
                if isFirst {
                    note("\(error.why ?? "the controller is unreachable"); trying again")
                }
                isFirst = false
                let left = deadline.map { max(0, $0.timeIntervalSince(now)) } ?? 1
                try await session.context.pause(.milliseconds(Int64(min(1, left) * 1_000) + 1))
            }
        }
    }
}
