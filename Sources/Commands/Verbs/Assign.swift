import ArgumentParser

/// `jctl assign`: lends a roamer.
struct Assign: Command {
    static let configuration = CommandConfiguration(
        abstract: "Lends a roamer to a cluster, or makes it run a template or an image.",
        usage: "jctl assign NODE --cluster NAME|--template NAME|--image IMAGE [options]",
        discussion: """
            EXAMPLES:
              jctl assign agx-11 --cluster vision                until the cluster is idle
              jctl assign agx-11 --template sdxl-worker --for 1h
              jctl assign agx-12 --image tools:1 --manual        until `jctl release agx-12`
            """)

    @Argument(help: "The roamer's name.", completion: NameCompletion.of(.roamers))
    var node: String

    @Option(
        help: ArgumentHelp("Cluster to help.", valueName: "name"),
        completion: NameCompletion.of(.clusters))
    var cluster: String?

    @Option(
        help: ArgumentHelp("Template to become.", valueName: "name"),
        completion: NameCompletion.of(.templates))
    var template: String?

    @Option(help: ArgumentHelp("Image to run.", valueName: "image"))
    var image: String?

    @Flag(help: "Until there is nothing left to do (default).")
    var untilIdle = false

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp("For this long: 5m, 1h.", valueName: "duration"))
    var duration: Interval?

    @Flag(help: "Until it is released.")
    var manual = false

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if [cluster, template, image].compactMap({ $0 }).count != 1 {
            throw ValidationError("give one of --cluster, --template and --image")
        }
        if [untilIdle, duration != nil, manual].filter({ $0 }).count > 1 {
            throw ValidationError("--until-idle, --for and --manual exclude each other")
        }
    }

    func execute(_ session: Session) async throws {
        let mode = manual ? "manual" : duration != nil ? "fixed" : "untilIdle"
        let body = JSONValue.dictionary([
            ("cluster", cluster.map { .string($0) }), ("template", template.map { .string($0) }),
            ("image", image.map { .string($0) }), ("mode", .string(mode)),
            ("seconds", duration.map { .double($0.seconds) }),
        ])
        try await RoamerActions(session: session, output: output).act("assign", on: node, body)
    }
}
