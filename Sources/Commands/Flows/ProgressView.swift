import Foundation

/// Shows a job's way on stderr: one line rewritten on a terminal, a line for each change elsewhere.
struct ProgressView {
    private let session: Session
    private let isShown: Bool
    private var line: StatusLine
    private var last = ""
    private let startedAt: Date

    init(session: Session, isShown: Bool) {
        self.session = session
        self.isShown = isShown
        line = StatusLine(console: session.context.console)
        startedAt = session.context.now()
    }

    /// Shows the job as it is now.
    mutating func show(_ job: Job) {
        guard isShown else { return }
        let now = session.context.now()
        let since = job.submittedAt?.date ?? startedAt
        let elapsed = Humane.duration(max(0, now.timeIntervalSince(since)))
        let text = JobText.situation(job)
        if session.context.console.errIsTerminal {
            line.show("\(job.kind ?? "job") \(job.id)  \(text)  \(elapsed)")
        } else if text != last {
            session.note("job \(job.id): \(text) (\(elapsed))")
        }
        last = text
    }

    /// Says something beside the job's way.
    mutating func note(_ text: String) {
        line.clear()
        session.note(text)
    }

    /// Takes the line away.
    mutating func clear() { line.clear() }
}
