import Foundation

extension Endpoint {
    /// Finds the controller: flag, variable, context of the configuration file, local socket.
    static func resolve(_ global: GlobalOptions, _ context: Context) throws -> Endpoint {
        let home = context.variable("HOME")
        let chosen = global.context ?? context.variable("JCTL_CONTEXT")
        var endpoint: Endpoint
        if let text = global.endpoint {
            endpoint = Endpoint(address: try parseAddress(text, home: home), origin: "--endpoint")
        } else if chosen == nil, let text = context.variable("JCTL_ENDPOINT") {
            endpoint = Endpoint(
                address: try parseAddress(text, home: home), origin: "JCTL_ENDPOINT")
        } else if let found = try ConfigFile.load(context)?.context(chosen) {
            endpoint = Endpoint(
                address: try parseAddress(found.endpoint, home: home), origin: found.origin)
            endpoint.token = try found.tokenFile.map { try Credentials.token(in: $0, context) }
            endpoint.caFile = found.caFile
        } else if let chosen {
            throw CommandError.usage(
                "no context '\(chosen)'", why: "\(ConfigFile.path(context)) does not exist")
        } else {
            endpoint = localSocket(context)
        }
        if let file = global.tokenFile ?? context.variable("JCTL_TOKEN_FILE") {
            endpoint.token = try Credentials.token(in: file, context)
        }
        endpoint.caFile = global.caFile ?? context.variable("JCTL_CA_FILE") ?? endpoint.caFile
        if endpoint.token != nil, endpoint.isExposed {
            throw CommandError.usage(
                "will not send the token to \(endpoint.description)", why: "it is not encrypted",
                hint: "use https://")
        }
        return endpoint
    }

    /// The first socket that exists; else the first candidate, whose absence is then reported.
    private static func localSocket(_ context: Context) -> Endpoint {
        let candidates = socketCandidates(context)
        let found = candidates.first { FileManager.default.fileExists(atPath: $0) }
        return Endpoint(
            address: .socket(path: found ?? candidates[0]),
            origin: found == nil
                ? "no endpoint is set, and there is no " + candidates.joined(separator: ", no ")
                : "local socket")
    }

    static func socketCandidates(_ context: Context) -> [String] {
        let folders = [
            context.variable("JESSICA_STATE_DIR"), "/run/jessica", "/var/lib/jessica/controller",
        ]
        return folders.compactMap { $0 }.map { $0 + "/controller.sock" }
    }
}
