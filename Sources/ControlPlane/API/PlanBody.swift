import FleetCore
import Foundation

/// The body of a plan, checked, ordered and spelled out job by job.
struct PlanBody {
    static let known: Set<String> = [
        "name", "onFailure", "maxRunning", "labels", "priority", "steps",
    ]
    /// The members of a step beside those of a job.
    static let stepOnly: Set<String> = ["name", "after", "count", "items", "maxRunning"]
    /// Steps of a plan.
    private static let stepLimit = 1_000
    /// Jobs of one step.
    private static let countLimit = 10_000
    /// Jobs of a plan that wait for one another, counted by pairs.
    private static let edgeLimit = 50_000
    /// Bytes of all jobs of a plan, spelled out, as they are stored: several plans fit into one batch.
    private static let weightLimit = 32 << 20

    private struct Step {
        let name: String
        let place: Int
        let fields: [String: JSONValue]
        let input: JSONValue
        let items: [[String: JSONValue]]?
        /// How many jobs it is; nil for one that is no list.
        let count: Int?
        let atOnce: Int?
        /// What it says that it waits for.
        let after: [Wish]
        /// The steps that any job of it waits for, said or referred to.
        let behind: [String]
    }

    /// Something a step waits for.
    private enum Wish: Hashable {
        case step(String, index: Int?)
        case job(JobID)
    }

    private let fields: [String: JSONValue]
    private var steps: [Step] = []
    private var byName: [String: Int] = [:]

    init(_ fields: [String: JSONValue]) throws {
        self.fields = fields
        guard case .array(let list)? = fields["steps"], !list.isEmpty else {
            throw APIError.invalid("`steps` must be a list with at least one step")
        }
        guard list.count <= Self.stepLimit else {
            throw APIError.impossible(
                "a plan has \(Self.stepLimit) steps at most; one may be many jobs")
        }
        for (place, value) in list.enumerated() {
            let step = try Self.step(value, place)
            guard byName.updateValue(place, forKey: step.name) == nil else {
                throw APIError.impossible("two steps are named `\(step.name)`")
            }
            steps.append(step)
        }
    }

    // MARK: Reading

    private static func step(_ value: JSONValue, _ place: Int) throws -> Step {
        let number = "step \(place + 1)"
        guard case .object(let fields) = value else {
            throw APIError.invalid("\(number) must be an object")
        }
        guard case .string(let name)? = fields["name"], isName(name) else {
            throw APIError.invalid(
                "\(number): `name` must be 1…40 letters, digits, `-` and `_`, the first a letter")
        }
        do {
            let known = stepOnly.union(JobBody.known)
            if let key = fields.keys.sorted().first(where: { !known.contains($0) }) {
                throw APIError.invalid("unknown field `\(key)`")
            }
            var input = fields["input"] ?? .null
            if input == .null { input = .object([:]) }
            let items = try items(fields)
            let count = try count(fields, items)
            let after = try wishes(fields)
            // Any number will do to see to which steps it refers.
            let shapes = [input] + (items ?? []).map { .object($0) }
            let all =
                try after
                + shapes.flatMap {
                    try refs(count == nil ? $0 : InputReferences.numbered($0, 0))
                }
            let behind = all.compactMap { if case .step(let name, _) = $0 { name } else { nil } }
            return Step(
                name: name, place: place, fields: fields.filter { !stepOnly.contains($0.key) },
                input: input, items: items, count: count,
                atOnce: try bound(fields["maxRunning"], "maxRunning"), after: after,
                behind: Set(behind).sorted())
        } catch let error as APIError {
            throw error.in("step \(name)")
        }
    }

    private static func isName(_ name: String) -> Bool {
        guard (1...40).contains(name.utf8.count), let first = name.unicodeScalars.first else {
            return false
        }
        return first.properties.isAlphabetic && name.hasOnlyLettersDigits(or: "-_")
    }

    private static func bound(_ value: JSONValue?, _ name: String) throws -> Int? {
        switch value {
        case nil, .null?: return nil
        case .int(let number)? where (1...10_000).contains(number): return Int(number)
        default: throw APIError.invalid("`\(name)` must be 1…10000")
        }
    }

    private static func items(_ fields: [String: JSONValue]) throws -> [[String: JSONValue]]? {
        switch fields["items"] {
        case nil, .null?: return nil
        case .array(let list)? where (1...countLimit).contains(list.count):
            return try list.map {
                guard case .object(let item) = $0 else {
                    throw APIError.invalid(
                        "`items` must be a list of objects, each added to the input")
                }
                return item
            }
        default: throw APIError.invalid("`items` must be a list of 1…\(countLimit) objects")
        }
    }

    private static func count(
        _ fields: [String: JSONValue], _ items: [[String: JSONValue]]?
    ) throws -> Int? {
        switch fields["count"] {
        case nil, .null?: return items?.count
        case .int(let number)? where (1...Int64(countLimit)).contains(number):
            if let items, items.count != Int(number) {
                throw APIError.impossible(
                    "`count` is \(number), and there are \(items.count) `items`")
            }
            return Int(number)
        default: throw APIError.invalid("`count` must be 1…\(countLimit)")
        }
    }

    private static func wishes(_ fields: [String: JSONValue]) throws -> [Wish] {
        switch fields["after"] {
        case nil, .null?: return []
        case .array(let list)? where list.count <= 1_000:
            return try list.map {
                guard case .string(let text) = $0, let wish = wish(text) else {
                    throw APIError.invalid(
                        "`after` must be a list of names of steps, or ids of jobs")
                }
                return wish
            }
        default: throw APIError.invalid("`after` must be a list of names of steps, or ids of jobs")
        }
    }

    private static func wish(_ text: String) -> Wish? {
        guard
            case .output(let step, let index, nil)? = InputReference(
                key: InputReference.outputKey, text: text)
        else { return nil }
        return wish(step, index)
    }

    /// What looks like the id of a job is one.
    private static func wish(_ step: String, _ index: Int?) -> Wish {
        JobIDMint.time(of: step) != nil ? .job(JobID(step)) : .step(step, index: index)
    }

    /// What is referred to is waited for.
    private static func refs(_ input: JSONValue) throws -> [Wish] {
        var found: [Wish] = []
        for reference in try InputReferences.all(in: input) {
            guard case .output(let step, let index, _) = reference else { continue }
            found.append(wish(step, index))
        }
        return found
    }

    // MARK: Spelling out

    /// The plan's jobs, each after those it waits for.
    func request(_ id: PlanID, mint: () -> JobID) throws -> PlanRequest {
        var members: [PlanRequest.Member] = []
        var jobs: [[JobID]] = Array(repeating: [], count: steps.count)
        var edges = 0
        var weight = 0
        for place in try order() {
            let step = steps[place]
            do {
                for index in 0..<(step.count ?? 1) {
                    let request = try job(step, index, jobs)
                    edges += request.after.count
                    weight += request.weight
                    guard weight <= Self.weightLimit else {
                        throw APIError.impossible(
                            "all jobs of a plan together may have \(Self.weightLimit >> 20) MiB of inputs, "
                                + "commands and labels, spelled out as JSON; upload what is large, and "
                                + "refer to it")
                    }
                    guard edges <= Self.edgeLimit, members.count < Self.countLimit else {
                        throw APIError.impossible(
                            "a plan has \(Self.countLimit) jobs and \(Self.edgeLimit) pairs of them that "
                                + "wait for one another at most; let a step between them gather the many"
                        )
                    }
                    var member = PlanRequest.Member(id: mint(), request: request)
                    member.request.place = PlanPlace(
                        plan: id, step: step.name, index: step.count == nil ? nil : index,
                        atOnce: step.atOnce)
                    members.append(member)
                    jobs[place].append(member.id)
                }
            } catch let error as APIError {
                throw error.in("step \(step.name)")
            }
        }
        return try plan(members)
    }

    private func plan(_ members: [PlanRequest.Member]) throws -> PlanRequest {
        var plan = PlanRequest(jobs: members)
        switch fields["name"] {
        case nil, .null?: break
        case .string(let name)? where (1...128).contains(name.unicodeScalars.count):
            plan.name = name
        default: throw APIError.invalid("`name` must be a text of 1…128 characters")
        }
        switch fields["onFailure"] {
        case nil, .null?: break
        case .string(let text)?:
            guard let policy = Plan.FailurePolicy(rawValue: text) else {
                throw APIError.unknown(
                    "failure policy", text, among: Plan.FailurePolicy.allCases.map(\.rawValue))
            }
            plan.onFailure = policy
        default: throw APIError.invalid("`onFailure` must be `stop` or `continue`")
        }
        plan.maxRunning = try Self.bound(fields["maxRunning"], "maxRunning")
        return plan
    }

    /// The places of the steps, each after those it waits for.
    private func order() throws -> [Int] {
        var waits = Array(repeating: 0, count: steps.count)
        var behind: [[Int]] = Array(repeating: [], count: steps.count)
        for step in steps {
            for name in step.behind {
                guard let other = byName[name] else {
                    throw APIError.impossible("step \(step.name): no step is named `\(name)`")
                }
                waits[step.place] += 1
                behind[other].append(step.place)
            }
        }
        var ready = steps.indices.filter { waits[$0] == 0 }
        var order: [Int] = []
        while order.count < ready.count {
            let place = ready[order.count]
            order.append(place)
            for next in behind[place] {
                waits[next] -= 1
                if waits[next] == 0 { ready.append(next) }
            }
        }
        guard order.count == steps.count else {
            let circle = steps.filter { waits[$0.place] > 0 }.map(\.name).prefix(5)
            throw APIError.impossible(
                "these steps wait for one another: \(circle.joined(separator: ", "))")
        }
        return order
    }

    private func job(
        _ step: Step, _ index: Int, _ jobs: [[JobID]]
    ) throws -> JobRequest {
        var own = step.fields
        var input = step.input
        if let item = step.items?[index] {
            guard case .object(let base) = input else {
                throw APIError.invalid("`input` must be a JSON object")
            }
            input = .object(base.merging(item) { $1 })
        }
        if step.count != nil { input = InputReferences.numbered(input, index) }
        own["input"] = input
        if own["priority"] == nil { own["priority"] = fields["priority"] }
        own["labels"] = try labels(own["labels"])
        var after: [Prerequisite] = []
        var seen: Set<JobID> = []
        func wait(_ name: String, _ job: JobID) {
            if seen.insert(job).inserted { after.append(Prerequisite(name: name, job: job)) }
        }
        let wishes = try step.after + Self.refs(input)
        var said: Set<Wish> = []
        for wish in wishes where said.insert(wish).inserted {
            switch wish {
            case .job(let id): wait(id.rawValue, id)
            case .step(let name, let number):
                guard let place = byName[name] else {
                    throw APIError.impossible("no step is named `\(name)`")
                }
                let isList = steps[place].count != nil
                guard let number else {
                    for (number, job) in jobs[place].enumerated() {
                        wait(isList ? "\(name)[\(number)]" : name, job)
                    }
                    continue
                }
                guard isList, number < jobs[place].count else {
                    let many = isList ? "has \(jobs[place].count) jobs" : "is one job"
                    throw APIError.impossible(
                        "there is no `\(name)[\(number)]`: step \(name) \(many)")
                }
                wait("\(name)[\(number)]", jobs[place][number])
            }
        }
        var request = try JobBody(own, isStep: true).request()
        request.after = after
        return request
    }

    private func labels(_ own: JSONValue?) throws -> JSONValue? {
        guard let shared = fields["labels"], shared != .null else { return own }
        guard case .object(let all) = shared else {
            throw APIError.invalid("`labels` must be an object of at most 32 texts")
        }
        guard case .object(let more)? = own else {
            return own == nil || own == .null ? shared : own
        }
        return .object(all.merging(more) { $1 })
    }
}

extension APIError {
    /// The same error, with where in the body it is.
    func `in`(_ place: String) -> APIError {
        APIError(
            status, code, "\(place): \(message)", details: details, retryAfter: retryAfter,
            headers: headers)
    }
}
