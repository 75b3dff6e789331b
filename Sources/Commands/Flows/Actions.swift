/// An action on several jobs: each is tried, and the first failure decides the exit code.
struct JobActions {
    let session: Session
    let output: OutputOptions

    /// Posts the action for each job named, or for all that are chosen.
    func act(_ verb: String, on jobs: [String], or selection: JobSelection) async throws {
        try selection.check(named: jobs)
        guard !jobs.isEmpty else {
            return try await BulkAction(session: session, output: output).act(verb, on: selection)
        }
        let client = try session.client()
        let printer = Printer(session: session, options: output)
        try await EachInTurn.act(on: jobs, session) { id in
            let job = try await client.post(
                Job.self, Resource("jobs", id, verb), nil, purpose: "\(verb) job \(id)")
            printer.object(job.json) { [SafeText.line(Self.text(job.model))] }
        }
    }

    private static func text(_ job: Job) -> String {
        let isLate = job.cancelRequested == true && !job.isEnded
        return "\(job.id) \(isLate ? "cancelling" : job.state ?? "unknown")"
    }
}

/// An action on nodes.
struct NodeActions {
    let session: Session
    let output: OutputOptions

    /// Posts the action for each node.
    func act(_ verb: String, on nodes: [String], _ body: JSONValue? = nil) async throws {
        let client = try session.client()
        let printer = Printer(session: session, options: output)
        for name in nodes {
            let node = try await client.post(
                Node.self, Resource("nodes", name, verb), body, purpose: "\(verb) node \(name)")
            printer.object(node.json) {
                [SafeText.line("\(node.model.name) \(node.model.condition)")]
            }
        }
    }
}

/// An action on a roamer.
struct RoamerActions {
    let session: Session
    let output: OutputOptions

    /// Posts the action.
    func act(_ verb: String, on name: String, _ body: JSONValue?) async throws {
        let node = try await session.client().post(
            Node.self, Resource("roamers", name, verb), body, purpose: "\(verb) roamer \(name)")
        Printer(session: session, options: output).object(node.json) {
            let roamer = node.model.roamer
            let assignment = roamer?.assignment
            let words = [
                node.model.name, roamer?.state ?? node.model.condition,
                assignment.map { "for \($0.target)" }, assignment?.limit,
            ]
            return [SafeText.line(words.compactMap { $0 }.joined(separator: " "))]
        }
    }
}
