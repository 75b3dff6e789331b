import Foundation

/// Follows one plan to its end by the controller's stream, through lost connections, and shows how it goes.
struct PlanFollower {
    let session: Session
    let client: APIClient

    /// Waits for the end; past the deadline a timeout error.
    func follow(_ id: String, deadline: Date?) async throws -> Fetched<WorkPlan> {
        session.farewell = [
            "interrupted; plan \(id) goes on", "come back with: jctl wait plan \(id)",
            "stop it with:   jctl cancel plan \(id)",
        ]
        var line = StatusLine(session: session)
        defer { line.clear() }
        var last: WorkPlan.Counts?
        let follower = Follower<WorkPlan>(
            session: session, client: client, topic: "plan:\(id)",
            isBusy: true,
            look: {
                try await client.get(
                    WorkPlan.self, Resource("plans", id, query: [("steps", "false")]),
                    purpose: "follow plan \(id)")
            }, isDone: \.isEnded)
        do {
            _ = try await follower.follow(until: deadline) { plan in
                guard plan.counts != last else { return }
                last = plan.counts
                let text = "plan \(id)  \(plan.situation)"
                session.context.console.errIsTerminal ? line.show(text) : session.note(text)
            } note: { text in
                line.clear()
                session.note(text)
            }
        } catch is Follower<WorkPlan>.TimedOut {
            throw CommandError(
                .timedOut, "gave up waiting for plan \(id)",
                hint: "it goes on; `jctl wait plan \(id)` waits again")
        }
        return try await client.get(WorkPlan.self, Resource("plans", id), purpose: "get plan \(id)")
    }

    /// Throws unless the plan has succeeded.
    static func check(_ plan: WorkPlan) throws {
        guard plan.state != "succeeded" else { return }
        let failed = plan.steps?.first { $0.job == plan.failedJob }
        throw CommandError(
            .failed, "plan \(plan.id) has \(plan.state ?? "ended")",
            why: failed.map { "step \($0.title): \($0.reason ?? $0.state ?? "no reason")" },
            hint: "`jctl retry plan \(plan.id)` goes on where it stopped")
    }
}

/// Actions on plans and looks at them.
struct PlanActions {
    let session: Session
    let output: OutputOptions

    /// Posts the action for each plan.
    func act(_ verb: String, on plans: [String]) async throws {
        let client = try session.client()
        let printer = Printer(session: session, options: output)
        for id in plans {
            let plan = try await client.post(
                WorkPlan.self, Resource("plans", id, verb), nil, purpose: "\(verb) plan \(id)")
            printer.object(plan.json) {
                [SafeText.line("\(plan.model.id) \(plan.model.state ?? "unknown")")]
            }
        }
    }

    /// Sends a plan, and prints its id or waits for its end.
    func submit(_ body: JSONValue, key: String?, waiting: WaitOptions) async throws {
        let client = try session.client()
        let plan = try await client.submit(
            WorkPlan.self, Resource("plans"), body, key: key, purpose: "submit the plan",
            session: session)
        let printer = Printer(session: session, options: output)
        guard waiting.wait || waiting.out != nil else {
            return printer.object(plan.json) { [SafeText.line(plan.model.id)] }
        }
        let deadline = session.deadline(after: waiting.timeout)
        let ended = try await PlanFollower(session: session, client: client)
            .follow(plan.model.id, deadline: deadline)
        printer.object(ended.json) {
            [SafeText.line("\(ended.model.id) \(ended.model.situation)")]
        }
        if let folder = waiting.out { try await save(ended.model, to: folder, client) }
        try PlanFollower.check(ended.model)
    }

    /// Saves the outputs of every job that succeeded, a folder for each step.
    private func save(_ plan: WorkPlan, to folder: String, _ client: APIClient) async throws {
        let saver = OutputSaver(session: session, client: client)
        for step in plan.steps ?? [] where step.state == "succeeded" {
            guard let id = step.job else { continue }
            let job = try await client.get(Job.self, Resource("jobs", id), purpose: "get job \(id)")
            for output in job.model.outputs ?? [] {
                let place = "\(folder)/\(PlanActions.folder(of: step))"
                session.note("saved \(try await saver.save(output, of: job.model, to: place))")
            }
        }
    }

    /// A step's name as that of a folder: nothing a controller says leads elsewhere.
    private static func folder(of step: WorkPlan.Step) -> String {
        let name = (step.step ?? "step").filter {
            $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0))
        }
        return (name.isEmpty ? "step" : name) + (step.index.map { "-\($0)" } ?? "")
    }
}
