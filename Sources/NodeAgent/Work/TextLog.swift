import FleetCore
import Settings

/// Shows a text that a worker writes while it comes: as the attempt's log, and as how far it is.
///
/// The worker is read no faster than the link takes its text.
struct TextLog {
    let key: AttemptKey
    let outbox: LogOutbox
    let post: @Sendable (AgentEvent) -> Void

    /// The shortest time between two reports of progress.
    private static let every = Duration.seconds(1)
    /// How long the work waits for a link that takes nothing; then it goes on, and the text has a hole.
    private static let patience = Duration.seconds(60)
    private var characters = 0
    private var endsLine = true
    private var last: ContinuousClock.Instant?
    /// Whether the link has not been waited for in vain.
    private var isTaken = true

    init(
        key: AttemptKey, outbox: LogOutbox, post: @escaping @Sendable (AgentEvent) -> Void
    ) {
        self.key = key
        self.outbox = outbox
        self.post = post
    }

    /// Takes the next piece of the text, once the link has taken enough of what came before.
    mutating func take(_ piece: String, at now: ContinuousClock.Instant = .now) async {
        await makeWay()
        // A "50%" in a text says nothing of how far it is.
        outbox.append(key, Array(piece.utf8), tellsProgress: false)
        characters += piece.count
        endsLine = piece.utf8.last == UInt8(ascii: "\n")
        if let last, now - last < Self.every { return }
        last = now
        post(.progress(key, Progress(text: "\(characters) characters written")))
    }

    private mutating func makeWay() async {
        if outbox.hasRoom(key) {
            isTaken = true
        } else if isTaken {
            let outbox = outbox
            let key = key
            let hasRoom = try? await withLimit(Self.patience) {
                try await outbox.waitForRoom(key)
                return true
            }
            isTaken = hasRoom == true
        }
    }

    /// The text is at its end: so that what is printed behind it begins on a line of its own.
    mutating func end() {
        guard !endsLine else { return }
        outbox.append(key, [UInt8(ascii: "\n")], tellsProgress: false)
        endsLine = true
    }
}
