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
        line = StatusLine(session: session)
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
            let name = "\(job.kind ?? "job") \(job.id)"
            if let share = job.progress?.fraction, !job.isWaiting, !job.isEnded {
                // The share's own words are last, as they are cut where there is no room.
                let rest = [elapsed] + JobText.progress(job).dropFirst()
                line.show(
                    "\(name)  \(JobText.place(job))", share: share, rest.joined(separator: "  "))
            } else {
                line.show("\(name)  \(text)  \(elapsed)")
            }
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
