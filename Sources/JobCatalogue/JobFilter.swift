package import FleetCore

/// Which jobs are meant; what is left empty leaves none out.
package struct JobFilter: Hashable, Sendable {
    /// Any of these states.
    package var states: Set<JobState> = []
    /// Any of these kinds.
    package var kinds: Set<JobKind> = []
    /// The cluster whose queue it was put into.
    package var cluster: ClusterName?
    /// A node on which it was tried.
    package var node: NodeName?
    /// Labels it all has, `KEY=VALUE` or `KEY`.
    package var labels: [String] = []
    /// Who asked for it.
    package var submitter: SubmitterName?
    /// The plan it belongs to.
    package var plan: PlanID?
    /// A text in its input or its id, in any case; at least ``JobFilter/shortestText`` characters.
    package var text: String?
    /// Submitted then or later.
    package var since: Instant?
    /// Submitted before.
    package var until: Instant?

    /// The index knows a text by its pieces of three characters.
    package static let shortestText = 3

    /// Chooses every job.
    package init() {}

    /// All that is kept as a label.
    var marks: [String] {
        let own = [
            plan.map(CatalogueEntry.mark(plan:)), submitter.map(CatalogueEntry.mark(submitter:)),
            node.map { CatalogueEntry.mark(node: $0) },
        ]
        return own.compactMap(\.self) + labels
    }

    /// Whether it chooses every job.
    package var isEmpty: Bool { self == JobFilter() }
}

/// In which order jobs are listed.
package enum JobOrder: String, Hashable, Sendable, CaseIterable {
    /// The latest submitted first.
    case newest
    /// The first submitted first.
    case oldest
}
