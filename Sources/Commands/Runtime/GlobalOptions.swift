import ArgumentParser

/// Options of every command.
struct GlobalOptions: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp(
            "Controller's address: https://HOST:8443 or a socket's path.", valueName: "url|socket"))
    var endpoint: String?

    @Option(help: ArgumentHelp("Context of the configuration file.", valueName: "name"))
    var context: String?

    @Option(help: ArgumentHelp("File with the access token.", valueName: "file"))
    var tokenFile: String?

    @Option(help: ArgumentHelp("Certificate authority to trust.", valueName: "file"))
    var caFile: String?

    @Flag(help: "No colours, plain bars; also by NO_COLOR.")
    var noColor = false

    @Flag(help: "With an error, show its code and request id.")
    var debug = false

    /// The options that take a value, for arguments given before the verb.
    static let valued: Set<String> = ["--endpoint", "--context", "--token-file", "--ca-file"]
    /// The options without a value.
    static let flags: Set<String> = ["--no-color", "--debug"]
}

/// How data is printed.
struct OutputOptions: ParsableArguments, Sendable {
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("table, wide, json, jsonl, yaml or name.", valueName: "format"))
    var output: OutputFormat = .table

    @Flag(help: "Tables without their header line.")
    var noHeaders = false
}
