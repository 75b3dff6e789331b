import FleetCore

/// Shows a text that a worker writes while it comes: as the attempt's log, and as how far it is.
struct TextLog {
    let key: AttemptKey
    let outbox: LogOutbox
    let post: @Sendable (AgentEvent) -> Void

    /// The shortest time between two reports of progress.
    private static let every = Duration.seconds(1)
    private var characters = 0
    private var endsLine = true
    private var last: ContinuousClock.Instant?

    init(
        key: AttemptKey, outbox: LogOutbox, post: @escaping @Sendable (AgentEvent) -> Void
    ) {
        self.key = key
        self.outbox = outbox
        self.post = post
    }

    /// Takes the next piece of the text.
    mutating func take(_ piece: String, at now: ContinuousClock.Instant = .now) {
        // A "50%" in a text says nothing of how far it is.
        outbox.append(key, Array(piece.utf8), tellsProgress: false)
        characters += piece.count
        endsLine = piece.utf8.last == UInt8(ascii: "\n")
        if let last, now - last < Self.every { return }
        last = now
        post(.progress(key, Progress(text: "\(characters) characters written")))
    }

    /// The text is at its end: so that what is printed behind it begins on a line of its own.
    mutating func end() {
        guard !endsLine else { return }
        outbox.append(key, [UInt8(ascii: "\n")], tellsProgress: false)
        endsLine = true
    }
}
