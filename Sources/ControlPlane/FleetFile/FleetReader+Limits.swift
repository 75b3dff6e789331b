import FleetCore
import Settings

/// Reads what submitters and labels may take:
///
///     limits:
///       submitters:
///         alice: {weight: 2, max_running: 4, max_jobs: 1000, rate: 60/m}
///         default: {max_jobs: 20000}
///       labels:
///         project=film: {max_running: 2}
extension FleetReader {
    /// The name under which every submitter stands who is not named.
    static let everybody = "default"
    private static let limitCount = 1_000

    mutating func limits(_ field: FleetField) -> [LimitSpec] {
        let fields = fields(of: field, allowed: ["submitters", "labels"])
        var limits: [LimitSpec] = []
        for entry in fields["submitters"].map({ named($0) }) ?? [] {
            let key = "\(field.key).submitters.\(entry.key)"
            if let problem = FleetText.submitter(entry.key) {
                mistakes.add(line: entry.line, key: key, "the name \(problem)")
            }
            limits.append(
                limit(
                    entry, key,
                    entry.key == Self.everybody
                        ? .everySubmitter : .submitter(SubmitterName(entry.key)),
                    allowed: ["weight", "max_running", "max_jobs", "rate"]))
        }
        for entry in fields["labels"].map({ named($0) }) ?? [] {
            let key = "\(field.key).labels.\(entry.key)"
            let parts = entry.key.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                mistakes.add(line: entry.line, key: key, "must be a label, NAME=VALUE")
                continue
            }
            let label = JobRequest.Label(key: String(parts[0]), value: String(parts[1]))
            limits.append(limit(entry, key, .label(label), allowed: ["weight", "max_running"]))
        }
        if limits.count > Self.limitCount {
            mistakes.add(
                line: field.line, key: field.key,
                "has \(limits.count) limits, at most \(Self.limitCount) are allowed")
        }
        return limits
    }

    private mutating func limit(
        _ entry: YamlEntry, _ key: String, _ subject: LimitSpec.Subject, allowed: [String]
    ) -> LimitSpec {
        let field = FleetField(key: key, line: entry.line, value: entry.value)
        let fields = fields(of: field, allowed: allowed)
        var limit = LimitSpec(subject: subject)
        if let field = fields["weight"] { limit.weight = int(field, in: 1...1_000) }
        if let field = fields["max_running"] { limit.maxRunning = int(field, in: 1...1_000_000) }
        if let field = fields["max_jobs"] { limit.maxOpen = int(field, in: 1...1_000_000) }
        if let field = fields["rate"] { limit.rate = rate(field) }
        return limit
    }

    /// `60/m`: so many in a second, a minute or an hour.
    private mutating func rate(_ field: FleetField) -> LimitSpec.Rate? {
        var rate: LimitSpec.Rate?
        _ = text(field) { text in
            rate = Self.rate(text)
            return rate == nil ? "must be like 60/m (s, m or h), not \(Shown.quoted(text))" : nil
        }
        return rate
    }

    private static func rate(_ text: String) -> LimitSpec.Rate? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int(parts[0]), (1...1_000_000).contains(count) else {
            return nil
        }
        switch parts[1] {
        case "s": return .init(count: count, per: .seconds(1))
        case "m": return .init(count: count, per: .seconds(60))
        case "h": return .init(count: count, per: .seconds(3_600))
        default: return nil
        }
    }
}

extension FleetText {
    /// Who asks for work, as a token names them.
    static func submitter(_ text: String) -> String? {
        let good =
            (1...63).contains(text.utf8.count) && text.hasOnlyLettersDigits(or: "-._@")
        return good ? nil : "must be 1 to 63 letters, digits and -._@; is \(Shown.quoted(text))"
    }
}
