import Foundation

/// Admits nodes and bans them.
struct NodeAdmission {
    let session: Session
    let output: OutputOptions

    private var printer: Printer { Printer(session: session, options: output) }

    /// Prints what the agent's file of a new box must have.
    func sayHowToJoin() async throws {
        let authority = try await session.client().get(
            FleetAuthority.self, Resource("authority"), purpose: "look at the fleet's authority")
        let fingerprint = authority.model.fingerprint
        let place = ControllerPlace(
            try session.client().endpoint.address, thisMachine: ProcessInfo.processInfo.hostName)
        let settings = JSONValue.dictionary([
            ("host", .string(place.host)), ("api_port", place.apiPort.map { .int($0) }),
            ("fingerprint", .string(fingerprint)),
        ])
        if !output.output.isMachine {
            session.note("a new box joins with the package jessica-agent, and in its agent.yaml:")
        }
        printer.object(.dictionary([("controller", settings)])) {
            let host = place.host.contains(":") ? "\"\(place.host)\"" : place.host
            var lines = ["controller:", "  host: \(host)"]
            if let port = place.apiPort { lines.append("  api_port: \(port)") }
            lines.append("  fingerprint: \"\(fingerprint)\"")
            return lines.map { SafeText.line($0) }
        }
        if place.isHere, !output.output.isMachine {
            session.note(
                "\(place.host) is this machine's own name: put the one by which boxes reach it, "
                    + "and `port`, `api_port` where they are not 7443, 8443")
        }
    }

    /// Shows who waits.
    func list() async throws {
        let list = try await waiting()
        printer.list(
            list.items.map(\.json), next: list.next,
            empty: "no agent waits to be admitted; `jctl node join` says how a new box joins"
        ) { NodeTables.waiting(list.items.map(\.model), now: session.context.now()) }
    }

    /// Admits agents that wait under these names.
    func approve(_ nodes: [String], key: String?) async throws {
        let body = JSONValue.dictionary([("key", key.map { .string($0) })])
        try await EachInTurn.act(on: nodes, session) { node in
            do {
                let agent = try await session.client().post(
                    WaitingAgent.self, Resource("enrolments", node, "approve"), body,
                    purpose: "approve node \(node)")
                printer.object(agent.json) { [SafeText.line(agent.model.approval)] }
                if agent.model.inFleet == false {
                    session.note(
                        "\(node) is not in the fleet: add it to cluster.yaml, and `jctl apply` it")
                }
            } catch var error as CommandError {
                if ["ambiguous_key", "node_connected"].contains(error.code) {
                    error.hint = "`jctl node approve \(node) --key FINGERPRINT` chooses one"
                } else if error.status == .notFound {
                    error.hint =
                        await nearest(node, in: [Resource("enrolments")])
                        ?? "`jctl node ls-pending` shows who waits"
                }
                throw error
            }
        }
    }

    /// Makes void what these nodes were given.
    func ban(_ nodes: [String]) async throws {
        try await EachInTurn.act(on: nodes, session) { node in
            do {
                let ban = try await session.client().post(
                    NodeBan.self, Resource("nodes", node, "ban"), nil, purpose: "ban node \(node)")
                printer.object(ban.json) { [SafeText.line("\(ban.model.node) banned")] }
                let until = ban.model.bannedAt.map { "until \($0.clock.prefix(8))" } ?? "so far"
                session.note(
                    "every certificate that \(node) was given \(until) is void; "
                        + "`jctl node approve \(node)` admits it again when it asks")
            } catch var error as CommandError {
                if error.status == .notFound {
                    error.hint = await nearest(
                        node, in: [Resource("nodes"), Resource("enrolments")])
                }
                throw error
            }
        }
    }

    private func waiting() async throws -> FetchedList<WaitingAgent> {
        try await session.client().list(
            WaitingAgent.self, Resource("enrolments"), purpose: "list the agents that wait")
    }

    /// What was meant by a name that nobody has.
    private func nearest(_ node: String, in lists: [Resource]) async -> String? {
        var names: [String] = []
        for list in lists {
            let call = APIClient.Call(resource: list, purpose: "find a name like \(node)")
            let answer = try? await session.client().send(call).json(call.purpose)
            names += (answer?["items"]?.elements ?? []).compactMap(\.identity)
        }
        return DidYouMean.hint(node, among: names)
    }
}
