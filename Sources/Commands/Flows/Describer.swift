import Foundation

/// The lines of `describe`.
struct Describer {
    let width: Int
    let style: Style
    let now: Date

    private func section(_ title: String, _ table: Table) -> [String] {
        guard !table.rows.isEmpty else { return [] }
        return ["", style.paint(title, .strong)]
            + table.lines(width: width - 2, style: style).map { "  " + $0 }
    }

    private func time(_ time: Timestamp?) -> String? {
        time.map { "\($0.text) (\(Humane.span($0, nil, now: now)) ago)" }
    }

    /// A job: what it is, its way so far, its tries, its results.
    func job(_ job: Job, input: JSONValue?) -> [String] {
        var facts = Facts()
        facts.add("Job", job.id)
        facts.add(
            "Kind",
            [job.kind, job.cluster.map { "(\($0))" }].compactMap { $0 }.joined(separator: " "))
        facts.add("State", JobText.situation(job))
        if job.isWaiting {
            facts.add("Waits for", job.reason)
            facts.add("Position", job.queuePosition.map(String.init))
            facts.add("Starts in", job.etaSeconds.map { "about " + Humane.duration($0) })
        } else {
            facts.add("Reason", job.reason)
        }
        facts.add("Error", job.error.map(Self.error))
        facts.add("Node", job.node)
        facts.add("Priority", job.priority.map(String.init))
        facts.add("Template", job.template)
        facts.add("Image", job.image)
        facts.add("Digest", job.imageDigest)
        facts.add("Command", job.command?.joined(separator: " "))
        facts.add("Input", input.map(\.compact))
        facts.add("Labels", job.labels.map(Self.labels))
        facts.add("Submitted", time(job.submittedAt))
        facts.add("Started", time(job.startedAt))
        facts.add("Finished", time(job.finishedAt))
        facts.add("Deadline", job.deadlineAt?.text)
        facts.add("Retry safe", job.retrySafe.map { $0 ? "yes" : "no" })
        facts.add("Submitter", job.submitter)
        facts.add("Plan", job.planId.map { "\($0), step \(job.step ?? "-")" })
        facts.add("After", job.after.flatMap { $0.isEmpty ? nil : $0.joined(separator: " ") })
        return facts.lines(width: width, style: style)
            + section(
                "Timeline",
                JobTables.timeline(job.timeline ?? [], finishedAt: job.finishedAt, now: now))
            + section("Attempts", JobTables.attempts(job.attempts ?? [], now: now))
            + section("Outputs", OutputTables.outputs(job.outputs ?? []))
    }

    private static func error(_ error: Job.Failure) -> String {
        let code = error.code.map { " (\($0)\(error.retryable == true ? ", can be retried" : ""))" }
        return (error.message ?? "unknown") + (code ?? "")
    }

    private static func labels(_ labels: [String: Loose]) -> String {
        labels.keys.sorted().map { "\($0)=\(labels[$0]?.text ?? "")" }.joined(separator: " ")
    }

    /// A plan: how far it is, and each of its steps.
    func plan(_ plan: WorkPlan) -> [String] {
        var facts = Facts()
        facts.add("Plan", plan.id)
        facts.add("Name", plan.name)
        facts.add("State", plan.state)
        facts.add("Jobs", plan.situation)
        facts.add("On failure", plan.onFailure)
        facts.add("At once", plan.maxRunning.map { "at most \($0)" })
        facts.add("Submitter", plan.submitter)
        facts.add("Submitted", time(plan.submittedAt))
        facts.add("Finished", time(plan.finishedAt))
        return facts.lines(width: width, style: style)
            + section("Steps", PlanTables.steps(plan.steps ?? []))
    }

    /// A node, roaming or not.
    func node(_ node: Node) -> [String] {
        var facts = Facts()
        facts.add("Node", node.name)
        facts.add("Role", node.role)
        facts.add("Cluster", node.cluster)
        facts.add("State", node.condition)
        facts.add("Since", time(node.since))
        facts.add("Last seen", time(node.lastSeenAt))
        facts.add("Banned", time(node.bannedAt))
        facts.add("Jobs", "\(node.running ?? 0) of \(node.slots.map(String.init) ?? "-") slots")
        facts.add("Address", node.address)
        facts.add("Agent", node.agentVersion ?? node.version)
        facts.add("Incarnation", node.incarnation?.text)
        if let roamer = node.roamer {
            facts.add("Roamer", roamer.state)
            facts.add("Roamer since", time(roamer.since))
            if let assignment = roamer.assignment {
                let words = [assignment.target, assignment.limit].compactMap { $0 }
                facts.add("Assigned to", words.joined(separator: ", "))
                facts.add("Image", assignment.image)
            }
            facts.add("Template", roamer.template)
            facts.add("Progress", roamer.progress?.text)
            facts.add("Reason", roamer.reason)
        }
        if let telemetry = node.telemetry {
            let isStale = telemetry.stale == true
            facts.add("Measured", time(telemetry.at).map { $0 + (isStale ? " (stale)" : "") })
            facts.add("CPU", telemetry.cpu?.number.map { Humane.whole($0, " %") })
            facts.add("GPU", telemetry.gpu?.number.map { Humane.whole($0, " %") })
            facts.add("Memory", node.memory.map { "\($0) GB" })
            facts.add("Temperature", telemetry.temperature?.number.map { Humane.whole($0, " C") })
            facts.add("Power", telemetry.power?.number.map { Humane.whole($0, " W") })
        }
        return facts.lines(width: width, style: style)
            + section("Pods", NodeTables.pods(node.pods ?? [], now: now))
            + section("Use", NodeTables.containers(node.telemetry?.containers ?? []))
            + section("Peaks", NodeTables.peaks(node.memoryPeaks ?? []))
    }

    /// A cluster.
    func cluster(_ cluster: Cluster) -> [String] {
        var facts = Facts()
        facts.add("Cluster", cluster.name)
        facts.add("Kinds", cluster.kinds?.joined(separator: " "))
        facts.add("Nodes", cluster.nodes?.text)
        facts.add("Ready", cluster.ready.map(String.init))
        facts.add("Busy", cluster.busy.map(String.init))
        facts.add("Queued", cluster.queued.map { Humane.count($0, "job") })
        facts.add("Running", cluster.running.map { Humane.count($0, "job") })
        facts.add("Roamers", cluster.roamers?.text)
        facts.add("Service", cluster.service)
        facts.add("Template", cluster.template)
        return facts.lines(width: width, style: style)
    }

    /// A service or a template.
    func workload(_ workload: Workload, noun: String) -> [String] {
        var facts = Facts()
        facts.add(noun, workload.name)
        facts.add("Image", workload.image)
        facts.add("Digest", workload.imageDigest)
        facts.add("Contract", workload.contract)
        facts.add("Replicas", workload.replicas.map(String.init))
        facts.add("Startup", workload.startupSeconds.map { Humane.duration($0) })
        facts.add("Slots", workload.slots.map(String.init))
        facts.add("Memory", workload.memory == nil ? nil : workload.memoryText)
        facts.add("GPU", workload.gpu.map { $0 ? "yes" : "no" })
        facts.add("Large outputs", workload.largeOutputs == true ? "yes" : nil)
        facts.add("Models", workload.models?.joined(separator: " "))
        facts.add("Clusters", workload.users.joined(separator: " "))
        return facts.lines(width: width, style: style)
    }
}
