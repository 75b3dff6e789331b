/// One line at the bottom of a terminal, rewritten in place; nothing at all without a terminal.
struct StatusLine {
    private let console: any Console
    private let bar: ProgressBar
    private var isShown = false

    private var columns: Int { max(20, console.size?.columns ?? 80) - 1 }

    init(session: Session) {
        console = session.context.console
        bar = ProgressBar(
            environment: session.context.environment, refused: session.global.noColor)
    }

    /// Shows the text in place of the last one.
    mutating func show(_ text: String) {
        guard console.errIsTerminal else { return }
        let line = SafeText.line(text).truncated(to: columns)
        console.writeErr("\r\u{1B}[K" + line)
        isShown = true
    }

    /// Shows what is being done, a bar of how much of it is, and what else there is to say.
    mutating func show(_ text: String, share: Double, _ rest: String) {
        let room = columns - text.displayWidth - rest.displayWidth - 4
        show("\(text)  \(bar.text(share, columns: room))  \(rest)")
    }

    /// Takes the line away, so that what follows starts on an empty one.
    mutating func clear() {
        guard isShown else { return }
        console.writeErr("\r\u{1B}[K")
        isShown = false
    }
}
