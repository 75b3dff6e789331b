import ArgumentParser
import Foundation

/// `jctl describe`: everything about one object.
struct Describe: Command {
    static let configuration = CommandConfiguration(
        abstract:
            "Shows everything about one job, plan, node, cluster, roamer, service or template.",
        usage: "jctl describe KIND NAME [-o FORMAT]",
        discussion: """
            EXAMPLES:
              jctl describe job 01JD3V5K8Q2M7N4P6R8S0T1V2W   timeline, attempts, outputs
              jctl describe roamer agx-11
              jctl describe cluster vision -o yaml
            """)

    @Argument(
        help: "job, plan, node, cluster, roamer, service or template.",
        completion: .list(Noun.allCases.filter { $0 != .events && $0 != .tokens }.map(\.singular)))
    var kind: String

    @Argument(help: "Its name or id.", completion: NameCompletion.ofKind)
    var name: String

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        let noun = try Noun.parse(kind)
        let client = try session.client()
        let printer = Printer(session: session, options: output)
        let describer = Describer(
            width: output.output == .wide ? 10_000 : session.width, style: session.style,
            now: session.context.now())
        let purpose = "describe \(noun.singular) \(name)"
        switch noun {
        case .jobs:
            let job = try await client.get(Job.self, Resource("jobs", name), purpose: purpose)
            printer.object(job.json) { describer.job(job.model, input: job.json["input"]) }
        case .plans:
            let plan = try await client.get(
                WorkPlan.self, Resource("plans", name), purpose: purpose)
            printer.object(plan.json) { describer.plan(plan.model) }
        case .nodes, .roamers:
            let node = try await client.get(Node.self, Resource("nodes", name), purpose: purpose)
            printer.object(node.json) { describer.node(node.model) }
        case .clusters:
            let cluster = try await client.get(
                Cluster.self, Resource("clusters", name), purpose: purpose)
            printer.object(cluster.json) { describer.cluster(cluster.model) }
        case .services, .templates:
            let all = try await client.list(
                Workload.self, Resource(noun.rawValue), purpose: purpose)
            guard let found = all.items.first(where: { $0.model.name == name }) else {
                throw Self.missing(noun, name, all.items.map(\.model.name))
            }
            let title = noun == .services ? "Service" : "Template"
            printer.object(found.json) { describer.workload(found.model, noun: title) }
        case .events, .tokens:
            throw CommandError.usage(
                "\(noun.rawValue) cannot be described",
                hint: "`jctl get \(noun.rawValue)` lists them")
        }
    }

    private static func missing(_ noun: Noun, _ name: String, _ names: [String]) -> CommandError {
        var error = Get.missing(noun.rawValue, name)
        if let hint = DidYouMean.hint(name, among: names) { error.hint = hint }
        return error
    }
}
