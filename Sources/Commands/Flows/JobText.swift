/// A job's situation in words, the same in tables, status lines and descriptions.
enum JobText {
    /// State, place and progress: `running on agx-01, 42%, step 21/50`.
    static func situation(_ job: Job) -> String {
        let state = job.state ?? "unknown"
        if job.isWaiting || job.isEnded {
            return [state, detail(job)].filter { !$0.isEmpty }.joined(separator: ", ")
        }
        return ([place(job)] + progress(job)).joined(separator: ", ")
    }

    /// State and place: `running on agx-01`.
    static func place(_ job: Job) -> String {
        (job.state ?? "unknown") + (job.node.map { " on \($0)" } ?? "")
    }

    /// What is worth knowing beside the state: why it waits, how far it is, why it failed.
    static func detail(_ job: Job) -> String {
        if job.isWaiting { return waiting(job) }
        switch job.state {
        case "succeeded":
            let count = job.outputs?.count ?? 0
            return (["on \(job.node ?? "-")"] + (count > 0 ? [Humane.count(count, "output")] : []))
                .joined(separator: ", ")
        case "failed": return job.error?.message ?? job.error?.code ?? job.reason ?? ""
        case "cancelled": return job.reason ?? ""
        default:
            let cancel = job.cancelRequested == true ? ["being cancelled"] : []
            let reason = job.progress == nil ? [job.reason].compactMap { $0 } : []
            return ([job.node].compactMap { $0 } + progress(job) + cancel + reason)
                .joined(separator: ", ")
        }
    }

    /// Position, estimate and reason of a waiting job: `#3, ~2m, every vision node is busy`.
    static func waiting(_ job: Job) -> String {
        var parts: [String] = []
        if let position = job.queuePosition { parts.append("#\(position)") }
        if let eta = job.etaSeconds { parts.append("~\(Humane.duration(max(1, eta.rounded())))") }
        if let node = job.node { parts.append(node) }
        if let reason = job.reason { parts.append(reason) }
        return parts.joined(separator: ", ")
    }

    /// How far it is, in percent and in its own words.
    static func progress(_ job: Job) -> [String] {
        var parts: [String] = []
        if let share = job.progress?.fraction {
            parts.append(Humane.whole(min(1, max(0, share)) * 100, "%"))
        }
        // Some workers say no more than the share.
        if let text = job.progress?.text, !text.isEmpty, text != parts.first { parts.append(text) }
        return parts
    }
}
