import ArgumentParser
import Foundation

/// What of jobs only can be asked for.
struct JobSearchOptions: ParsableArguments, Sendable {
    @Option(
        name: .customLong("label"),
        help: ArgumentHelp(
            "Only jobs with this label, KEY=VALUE or KEY; may be given again.", valueName: "label"))
    var labels: [String] = []

    @Option(
        help: ArgumentHelp(
            "Only jobs with this text in their input or id, 3 characters or more.",
            valueName: "text"))
    var search: String?

    @Option(
        help: ArgumentHelp(
            "Only jobs submitted in this time before now: 90s, 24h, 7d.", valueName: "duration"))
    var since: Interval?

    @Option(help: ArgumentHelp("Only what this submitter asked for.", valueName: "name"))
    var submitter: String?

    @Option(
        help: ArgumentHelp("Only jobs of this plan.", valueName: "id"),
        completion: NameCompletion.of(.plans))
    var plan: String?

    /// Whether nothing of it is asked for.
    var isEmpty: Bool { isSubmitterOnly && submitter == nil }

    /// Whether nothing is asked for but who submitted.
    var isSubmitterOnly: Bool {
        labels.isEmpty && search == nil && since == nil && plan == nil
    }

    /// The earliest time of submission, as the API takes it.
    func sinceTime(now: Date) -> String? {
        since.map { (now - $0.seconds).formatted(.iso8601) }
    }
}

/// Which of all jobs an action means.
struct JobSelection: ParsableArguments, Sendable {
    @Option(
        name: .customLong("state"),
        help: ArgumentHelp("All jobs in this state; may be given again.", valueName: "state"),
        completion: NameCompletion.jobStates)
    var states: [String] = []

    @Option(
        name: .customLong("kind"),
        help: ArgumentHelp("All jobs of this kind; may be given again.", valueName: "kind"),
        completion: NameCompletion.jobKinds)
    var kinds: [String] = []

    @Option(
        help: ArgumentHelp("All jobs of this cluster.", valueName: "name"),
        completion: NameCompletion.of(.clusters))
    var cluster: String?

    @Option(
        help: ArgumentHelp("All jobs that were tried on this node.", valueName: "name"),
        completion: NameCompletion.of(.nodes))
    var node: String?

    @OptionGroup var search: JobSearchOptions

    @Flag(help: "All jobs whatever.")
    var all = false

    @Flag(help: "Only list what would be done.")
    var dryRun = false

    @Flag(name: .shortAndLong, help: "Do it to all jobs that are chosen.")
    var yes = false

    /// Whether it chooses none, and jobs are named instead.
    var isEmpty: Bool {
        states.isEmpty && kinds.isEmpty && cluster == nil && node == nil && search.isEmpty && !all
    }

    /// Checks that jobs are either named or chosen.
    func check(named jobs: [String]) throws {
        switch (jobs.isEmpty, isEmpty) {
        case (true, true):
            throw CommandError.usage(
                "no job is named", hint: "name jobs, or choose them with --state, --kind, --label …"
            )
        case (false, false):
            throw CommandError.usage("jobs are both named and chosen by a filter")
        case (false, true):
            guard !yes, !dryRun else {
                throw CommandError.usage("--yes and --dry-run go with a filter")
            }
        case (true, false): return
        }
    }

    /// The body of the action.
    func body(dryRun: Bool, cursor: String?, now: Date) -> JSONValue {
        func texts(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }
        var filter: [JSONValue.Member] = []
        if !states.isEmpty { filter.append(.init("state", texts(states.map { $0.lowercased() }))) }
        if !kinds.isEmpty { filter.append(.init("kind", texts(kinds))) }
        if let cluster { filter.append(.init("cluster", .string(cluster))) }
        if let node { filter.append(.init("node", .string(node))) }
        if !search.labels.isEmpty { filter.append(.init("label", texts(search.labels))) }
        if let name = search.submitter { filter.append(.init("submitter", .string(name))) }
        if let plan = search.plan { filter.append(.init("plan", .string(plan))) }
        if let text = search.search { filter.append(.init("q", .string(text))) }
        if let since = search.sinceTime(now: now) { filter.append(.init("since", .string(since))) }
        return .dictionary([
            ("filter", .object(filter)), ("all", .bool(all)), ("dryRun", .bool(dryRun)),
            ("limit", .int(Self.limit)), ("cursor", cursor.map { .string($0) }),
        ])
    }

    /// Jobs acted on in one call.
    private static let limit = 1_000
}
