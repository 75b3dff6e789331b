import Foundation

/// A text over the whole screen: a description, a log, the help.
struct TopPage: Sendable {
    /// What the text is.
    enum Content: Sendable {
        case waiting
        case trouble(String)
        case job(Job, input: JSONValue?)
        case node(Node)
        case cluster(Cluster)
        case event(Event)
        case log(TopLog)
        case help
    }

    /// What it is about; nil for the help.
    var target: TopTarget?
    /// The text.
    var content: Content
    /// The first line that is shown.
    var offset = 0
    /// Whether it stays at its end as that grows.
    var follows = false

    /// The words above it.
    var title: String {
        switch (content, target) {
        case (.help, _): "help"
        case (.log, .job(let id)): "log of \(id)"
        case (_, .job(let id)): "job \(id)"
        case (_, .node(let name)): "node \(name)"
        case (_, .cluster(let name)): "cluster \(name)"
        case (_, .event(let number)): "event \(number)"
        case (_, nil): ""
        }
    }

    /// All its lines, in a width.
    func lines(width: Int, style: Style, now: Date) -> [String] {
        let describer = Describer(width: width, style: style, now: now)
        switch content {
        case .waiting: return ["one moment …"]
        case .trouble(let text): return SafeText.line(text).wrapped(to: width, limit: 8)
        case .job(let job, let input): return describer.job(job, input: input)
        case .node(let node): return describer.node(node)
        case .cluster(let cluster): return describer.cluster(cluster)
        case .event(let event): return Self.event(event, width, style)
        case .log(let log): return log.lines
        case .help: return Self.help
        }
    }

    private static func event(_ event: Event, _ width: Int, _ style: Style) -> [String] {
        var facts = Facts()
        facts.add("Event", event.seq.map(String.init))
        facts.add("At", event.at?.text)
        facts.add("Type", event.type)
        facts.add("Job", event.job)
        facts.add("Attempt", event.attempt.map(String.init))
        facts.add("Node", event.node)
        facts.add("From", event.from)
        facts.add("To", event.to)
        facts.add("After", event.durationSeconds.map { Humane.duration($0) })
        facts.add("Reason", event.reason)
        return facts.lines(width: width, style: style)
    }

    private static let help = [
        "1 2 3 4 5     overview nodes jobs",
        "              roamers events",
        ":NAME Enter   the view of that name",
        "/TEXT Enter   only rows with the text",
        "/!TEXT        only rows without it",
        "up down j k   one row",
        "PgUp PgDn     one screen",
        "g G           first and last row",
        "Enter         describe the selected",
        "Esc           back; the filter away",
        "l             follow the job's log",
        "c ctrl-k      cancel the job (y/N)",
        "o s           sort by the next column",
        "O S           the other way round",
        "?             this help",
        "q ctrl-c      quit",
        "",
        "States move with the controller's",
        "events; what is measured is read every",
        "few seconds. STALE says for how long",
        "nothing could be heard.",
    ]
}

/// A log on the screen, line by line in the width at hand.
struct TopLog: Sendable {
    /// Lines that are kept.
    static let linesMax = 5_000
    /// A line is broken after so many characters, whatever its width.
    static let lineMax = 8_192

    private var kept: [String] = []
    private var open = ""
    private var width: Int
    /// The lines, broken to the width.
    private(set) var lines: [String] = []

    /// Creates an empty log.
    init(width: Int) { self.width = max(1, width) }

    /// Adds text that may begin and end anywhere in a line.
    mutating func append(_ text: String) {
        var parts = (open + text).split(separator: "\n", omittingEmptySubsequences: false)
        open = String(parts.popLast() ?? "")
        if open.count > Self.lineMax {
            parts.append(Substring(open))
            open = ""
        }
        let new = parts.suffix(Self.linesMax).map { Self.plain($0) }
        kept += new
        lines += new.flatMap { Self.broken($0, width) }
        guard kept.count > Self.linesMax || lines.count > 4 * Self.linesMax else { return }
        kept.removeFirst(max(kept.count - Self.linesMax, kept.count / 10))
        lines = kept.flatMap { Self.broken($0, width) }
    }

    /// Adds a line that is none of the log's own.
    mutating func note(_ text: String) {
        if !open.isEmpty { append("\n") }
        append("— \(text) —\n")
    }

    /// Breaks the lines to another width.
    mutating func resize(_ width: Int) {
        self.width = max(1, width)
        lines = kept.flatMap { Self.broken($0, self.width) }
    }

    private static func plain(_ line: Substring) -> String {
        SafeText.line(line.replacing("\t", with: "    "))
    }

    private static func broken(_ line: String, _ width: Int) -> [String] {
        guard line.displayWidth > width else { return [line] }
        var lines: [String] = []
        var part = ""
        var used = 0
        for character in line {
            let columns = character.displayWidth
            if used + columns > width, !part.isEmpty {
                lines.append(part)
                (part, used) = ("", 0)
            }
            part.append(character)
            used += columns
        }
        return lines + [part]
    }
}
