import FleetCore
import Foundation
import HTTPTypes

/// The body of a submission, checked field by field.
struct JobBody {
    private let fields: [String: JSONValue]
    static let known: Set<String> = [
        "kind", "input", "cluster", "template", "image", "command", "memoryBytes", "priority",
        "deadlineSeconds", "retries", "retrySafe", "labels", "after",
    ]
    /// The largest input, in bytes of JSON.
    private static let inputLimit = 200 << 10

    /// Whether it is a step of a plan, whose input may refer to other steps.
    private let isStep: Bool

    init(_ fields: [String: JSONValue], isStep: Bool = false) {
        self.fields = fields
        self.isStep = isStep
    }

    func request() throws -> JobRequest {
        guard let name = try text("kind") else {
            throw APIError.invalid("`kind` is missing; one of \(Self.kinds)")
        }
        guard let kind = JobKind(rawValue: name) else {
            throw APIError.invalid("no kind is named `\(name)`; one of \(Self.kinds)")
        }
        var job = JobRequest(
            kind: kind, retries: try integer("retries", 0...20), retrySafe: try bool("retrySafe"))
        job.cluster = try text("cluster").map { ClusterName($0) }
        job.template = try text("template").map { TemplateName($0) }
        job.image = try text("image")
        job.command = try command()
        job.memory = try integer("memoryBytes", (6 << 20)...(1 << 50)).map(Int64.init)
        job.priority = try integer("priority", -10...10) ?? 0
        job.deadline = try seconds("deadlineSeconds")
        job.labels = try labels()
        job.input = try input()
        job.after = try after()
        if job.image != nil, kind != .custom {
            throw APIError.impossible("`image` goes with kind `custom` only")
        }
        if job.image != nil, job.template != nil {
            throw APIError.impossible("give `image` or `template`: a roamer becomes one of them")
        }
        if job.cluster != nil, job.kind == .custom || job.template != nil {
            throw APIError.impossible(
                "`cluster` goes neither with `template` nor with kind `custom`: they take a roamer of their own"
            )
        }
        if let image = job.image, let problem = ImageReference.problem(in: image) {
            throw APIError.impossible("`image`: \(problem)")
        }
        return job
    }

    private static var kinds: String {
        JobKind.allCases.map(\.rawValue).joined(separator: ", ")
    }

    private func text(_ key: String) throws -> String? {
        switch fields[key] {
        case nil, .null?: return nil
        case .string(let value)? where !value.isEmpty && value.unicodeScalars.count <= 512:
            return value
        default: throw APIError.invalid("`\(key)` must be a text of 1…512 characters")
        }
    }

    private func bool(_ key: String) throws -> Bool? {
        switch fields[key] {
        case nil, .null?: return nil
        case .bool(let value)?: return value
        default: throw APIError.invalid("`\(key)` must be true or false")
        }
    }

    private func integer(_ key: String, _ range: ClosedRange<Int>) throws -> Int? {
        switch fields[key] {
        case nil, .null?: return nil
        case .int(let value)? where range.contains(Int(clamping: value)):
            return Int(clamping: value)
        default:
            throw APIError.invalid(
                "`\(key)` must be a whole number \(range.lowerBound)…\(range.upperBound)")
        }
    }

    private func seconds(_ key: String) throws -> Duration? {
        let number: Double
        switch fields[key] {
        case nil, .null?: return nil
        case .int(let value)?: number = Double(value)
        case .number(let value)?: number = value
        default: number = .nan
        }
        guard number >= 0.1, number <= 365 * 86_400 else {
            throw APIError.invalid("`\(key)` must be a number of seconds, 0.1 to a year")
        }
        return .milliseconds(Int64(number * 1_000))
    }

    private func command() throws -> [String] {
        let words: [String]
        switch fields["command"] {
        case nil, .null?: return []
        case .array(let items)? where items.count <= 256:
            words = try items.map {
                guard case .string(let word) = $0 else {
                    throw APIError.invalid("`command` must be a list of texts")
                }
                return word
            }
        default: throw APIError.invalid("`command` must be a list of at most 256 texts")
        }
        guard ContainerOrder.bytes(of: words) <= ContainerOrder.commandLimit else {
            throw APIError.impossible(
                "the words of `command` may have \(ContainerOrder.commandLimit >> 10) KiB in all; "
                    + "put what is long into the input")
        }
        guard !words.contains(where: { $0.utf8.contains(0) }) else {
            throw APIError.impossible("`command` has a character that no argument has")
        }
        return words
    }

    private func labels() throws -> [JobRequest.Label] {
        switch fields["labels"] {
        case nil, .null?: return []
        case .object(let pairs)? where pairs.count <= 32:
            return try pairs.sorted { $0.key < $1.key }.map { key, value in
                guard case .string(let text) = value, (1...63).contains(key.unicodeScalars.count),
                    text.unicodeScalars.count <= 128
                else { throw APIError.invalid("a label is a short name and a short text") }
                guard !key.utf8.contains(0), !text.utf8.contains(0) else {
                    throw APIError.impossible("a label has a character that no text has")
                }
                guard !key.hasPrefix("=") else {
                    throw APIError.impossible("the name of a label does not begin with `=`")
                }
                return .init(key: key, value: text)
            }
        default: throw APIError.invalid("`labels` must be an object of at most 32 texts")
        }
    }

    /// The jobs it names, and those that its input refers to.
    private func after() throws -> [Prerequisite] {
        var jobs: [JobID] = []
        switch fields["after"] {
        case nil, .null?: break
        case .array(let list)? where list.count <= Self.afterLimit:
            jobs = try list.map {
                guard case .string(let text) = $0 else {
                    throw APIError.invalid("`after` must be a list of ids of jobs")
                }
                guard JobIDMint.time(of: text) != nil else {
                    throw APIError.impossible("`after`: no job has the id `\(text.prefix(40))`")
                }
                return JobID(text)
            }
        default:
            throw APIError.invalid(
                "`after` must be a list of at most \(Self.afterLimit) ids of jobs")
        }
        for reference in try InputReferences.all(in: fields["input"] ?? .null) {
            guard case .output(let job, _, _) = reference else { continue }
            guard JobIDMint.time(of: job) != nil else {
                if isStep { continue }
                throw APIError.impossible(
                    "the input refers to `\(job.prefix(40))`, which is the id of no job; steps have names in plans"
                )
            }
            jobs.append(JobID(job))
        }
        var seen: Set<JobID> = []
        return jobs.filter { seen.insert($0).inserted }.map {
            Prerequisite(name: $0.rawValue, job: $0)
        }
    }

    /// Jobs that one job waits for, named outside of a plan.
    private static let afterLimit = 1_000

    private func input() throws -> String {
        switch fields["input"] {
        case nil, .null?: return "{}"
        case .object(let value)?:
            let text = try JSONValue.object(value).text
            guard text.utf8.count <= Self.inputLimit else {
                throw APIError(
                    .contentTooLarge, "too_large",
                    "`input` may have \(Self.inputLimit >> 10) KiB; upload what is larger, and refer to it"
                )
            }
            return text
        default: throw APIError.invalid("`input` must be a JSON object")
        }
    }
}
