import FleetCore

/// What the catalogue holds of a job.
struct CatalogueEntry {
    /// The longest text of an input that can be searched, in bytes; the rest of a longer one is not found.
    static let textLimit = 4_096

    let id: String
    /// When it was submitted, in milliseconds since 1970.
    let milliseconds: Int64
    let state: String
    let kind: String
    let cluster: String
    /// When it ended, in seconds since 1970; nil while it is alive.
    let ended: Int64?
    /// Each label twice, with its value and alone; and what is asked for in the same way.
    let labels: Set<String>
    /// The marks of the nodes it was tried on.
    let nodes: Set<String>
    /// What can be searched.
    let text: String
    /// Whether that is only from a short form of the input.
    let isAbridged: Bool

    init(_ job: Job) {
        id = job.id.rawValue
        milliseconds = max(0, job.submittedAt.nanoseconds / 1_000_000)
        state = job.state.rawValue
        kind = job.request.kind.rawValue
        cluster = job.queue.rawValue
        ended = job.ending.map { $0.at.nanoseconds / 1_000_000_000 }
        let own = job.request.labels.flatMap { ["\($0.key)=\($0.value)", $0.key] }.map(Self.plain)
        labels = Set(own + [Self.mark(submitter: job.request.submittedBy)])
            .union(job.request.place.map { [Self.mark(plan: $0.plan)] } ?? [])
        nodes = Set(job.attempts.map { Self.mark(node: $0.node) })
        text = Self.text(job.id, job.request.input)
        isAbridged = job.request.stored != nil
    }

    /// What can be searched of a job with this input.
    static func text(_ id: JobID, _ input: String) -> String {
        plain(folded("\(id)\n\(InputText.words(of: input, limit: textLimit))"))
    }

    /// A text in the form in which texts are kept and looked for: without a difference of case.
    static func folded(_ text: String) -> String { text.lowercased() }

    /// Stands among the labels, where no label's name begins with `=`.
    static func mark(submitter: SubmitterName) -> String { plain("=by=\(submitter)") }
    /// See `mark(submitter:)`.
    static func mark(plan: PlanID) -> String { plain("=plan=\(plan)") }
    /// See `mark(submitter:)`.
    static func mark(node: NodeName) -> String { plain("=on=\(node)") }

    /// The text without the one character that SQLite takes for its end.
    private static func plain(_ text: String) -> String {
        text.utf8.contains(0) ? text.replacing("\0", with: " ") : text
    }
}
