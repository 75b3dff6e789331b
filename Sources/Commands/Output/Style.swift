/// Colour by meaning; never the only sign, and off unless a person looks at a terminal.
struct Style: Sendable, Equatable {
    /// Whether colours are on.
    let isOn: Bool

    /// Decides by the stream, the environment and `--no-color`.
    init(isTerminal: Bool, environment: [String: String], refused: Bool) {
        func isSet(_ name: String) -> Bool { !(environment[name] ?? "").isEmpty }
        if refused || isSet("NO_COLOR") {
            isOn = false
        } else if isSet("FORCE_COLOR") || isSet("CLICOLOR_FORCE") {
            isOn = true
        } else {
            isOn = isTerminal && environment["TERM"] != "dumb"
        }
    }

    /// No colours.
    static let none = Style(isTerminal: false, environment: [:], refused: true)

    /// What a colour says.
    enum Tone: String {
        case good = "32"
        case busy = "36"
        case warning = "33"
        case bad = "31"
        case faint = "2"
        case strong = "1"

        /// The tone of a job's, node's or roamer's state.
        init?(state: String) {
            switch state.lowercased() {
            case "succeeded", "ready", "healthy", "ok": self = .good
            case "running", "assigned", "provisioning", "cleanup": self = .busy
            case "queued", "suspect", "draining", "cordoned", "starting", "warning": self = .warning
            case "failed", "lost", "quarantined", "unhealthy": self = .bad
            case "cancelled", "idle": self = .faint
            default: return nil
            }
        }
    }

    /// The text in the tone, or as it is when colours are off.
    func paint(_ text: String, _ tone: Tone?) -> String {
        guard isOn, let tone, !text.isEmpty else { return text }
        return "\u{1B}[\(tone.rawValue)m\(text)\u{1B}[0m"
    }

    /// The text with its colours the other way round, or as it is when colours are off.
    func reversed(_ text: String) -> String { isOn ? "\u{1B}[7m\(text)\u{1B}[0m" : text }
}
