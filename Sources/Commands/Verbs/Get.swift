import ArgumentParser
import Foundation

/// `jctl get`: lists.
struct Get: Command {
    static let configuration = CommandConfiguration(
        abstract:
            "Lists jobs, plans, nodes, clusters, roamers, services, templates, events or tokens.",
        usage: "jctl get KIND [NAME] [-w] [--state STATE] [--cluster NAME] [options]",
        discussion: """
            EXAMPLES:
              jctl get jobs                     why each waits, its place, when it starts
              jctl get jobs --search sunset --since 7d --state succeeded
              jctl get plans --state running -w
              jctl get nodes --cluster vision -w
              jctl get roamers -o json
            """)

    @Argument(
        help: "jobs, plans, nodes, clusters, roamers, services, templates, events or tokens.",
        completion: NameCompletion.kinds)
    var kind: String

    @Argument(help: "Only this one.", completion: NameCompletion.ofKind)
    var name: String?

    @Flag(name: .shortAndLong, help: "Go on with each change until ^C.")
    var watch = false

    @OptionGroup var filter: FilterOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        let noun = try Noun.parse(kind)
        try filter.check(noun)
        switch noun {
        case .jobs: try await list(Listings.jobs(filter, name, now: session.context.now()), session)
        case .plans: try await list(Listings.plans(filter, name), session)
        case .tokens: try await list(Listings.tokens(name), session)
        case .nodes: try await list(Listings.nodes(filter, name), session)
        case .roamers: try await list(Listings.roamers(filter, name), session)
        case .clusters: try await list(Listings.clusters(filter, name), session)
        case .services: try await list(Listings.services(filter, name), session)
        case .templates: try await list(Listings.templates(filter, name), session)
        case .events:
            guard name == nil else {
                throw CommandError.usage(
                    "an event has no name", hint: "`jctl events --job ID` or `--node NAME` chooses")
            }
            let follower = EventFollower(
                session: session, job: nil, node: filter.node, type: filter.kind, output: output)
            if watch { return try await follower.follow(after: nil) }
            try await follower.showPast(since: nil, limit: filter.limit)
        }
    }

    private func list<Model>(_ listing: Listing<Model>, _ session: Session) async throws {
        let printer = Printer(session: session, options: output)
        if watch { return try await listing.watch(session, printer) }
        if let name {
            let found = try await listing.fetch(try session.client())
            guard !found.items.isEmpty else { throw Self.missing(listing.noun, name) }
            return printer.list(found.items.map(\.json), next: .null, empty: "") {
                listing.table(found.items.map(\.model), session.context.now())
            }
        }
        try await listing.show(session, printer)
    }

    /// The error for a name that is in no list.
    static func missing(_ noun: String, _ name: String) -> CommandError {
        CommandError(
            .notFound, "there is no '\(name)' among the \(noun)",
            hint: "`jctl get \(noun)` lists them")
    }
}
