/// One line at the bottom of a terminal, rewritten in place; nothing at all without a terminal.
struct StatusLine {
    private let console: any Console
    private var isShown = false

    init(console: any Console) { self.console = console }

    /// Shows the text in place of the last one.
    mutating func show(_ text: String) {
        guard console.errIsTerminal else { return }
        let columns = max(20, console.size?.columns ?? 80)
        let line = SafeText.line(text).truncated(to: columns - 1)
        console.writeErr("\r\u{1B}[K" + line)
        isShown = true
    }

    /// Takes the line away, so that what follows starts on an empty one.
    mutating func clear() {
        guard isShown else { return }
        console.writeErr("\r\u{1B}[K")
        isShown = false
    }
}
