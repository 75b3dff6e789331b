import FleetCore
import HTTPTypes
import Hummingbird
import OrderedCollections

extension APIServer {
    func addNodes(_ api: RouterGroup<Context>) {
        api.get("/nodes") { request, _ in
            try request.requireKnown(["state", "cluster"])
            let query = request.uri.queryParameters
            let state = try query["state"].map { text in
                guard let state = NodeState(rawValue: String(text)) else {
                    throw APIError.unknown(
                        "state", text, among: NodeState.allCases.map(\.rawValue))
                }
                return state
            }
            let cluster = try name(request, query: "cluster").map { ClusterName($0) }
            return try JSONAnswer.response(
                await nodes { node in
                    (state == nil || node.state == state)
                        && (cluster == nil || node.cluster == cluster
                            || node.record.roamer?.assignment?.cluster == cluster)
                })
        }
        api.get("/roamers") { request, _ in
            try request.requireKnown(["state"])
            let state = try request.uri.queryParameters["state"].map { text in
                guard let state = RoamerState(rawValue: text.uppercased()) else {
                    throw APIError.unknown(
                        "state", text, among: RoamerState.allCases.map(\.rawValue))
                }
                return state
            }
            return try JSONAnswer.response(
                await nodes { node in
                    node.isRoamer && (state == nil || node.record.roamer?.state == state)
                })
        }
        api.get("/nodes/:name") { _, context in try await node(context) }
        api.get("/roamers/:name") { _, context in try await node(context) }
        api.post("/nodes/:name/cordon") { _, context in
            let name = NodeName(try name(context))
            try await ask { .cordon($0, name, true) }
            return try await node(context)
        }
        api.post("/nodes/:name/uncordon") { _, context in
            let name = NodeName(try name(context))
            try await ask { .cordon($0, name, false) }
            return try await node(context)
        }
        api.post("/nodes/:name/drain") { request, context in
            let name = NodeName(try name(context))
            let deadline = try seconds(
                try await object(request, known: ["deadlineSeconds"])["deadlineSeconds"])
            try await ask { .drain($0, name, deadline: deadline) }
            return try await node(context)
        }
        api.post("/nodes/:name/undrain") { _, context in
            let name = NodeName(try name(context))
            try await ask { .undrain($0, name) }
            return try await node(context)
        }
        api.post("/roamers/:name/assign") { request, context in
            let name = NodeName(try name(context))
            let fields = try await object(
                request, known: ["cluster", "template", "image", "mode", "seconds"])
            context.remark.say(try JSONValue.object(fields).text)
            let wanted = try assignment(fields)
            let fleet = await loop.read { controller, _ in controller.fleet }
            let what = await images.pinned(wanted, in: fleet)
            try await ask { .assign($0, name, what) }
            return try await node(context, status: .accepted)
        }
        api.post("/roamers/:name/release") { _, context in
            let name = NodeName(try name(context))
            try await ask { .release($0, name) }
            return try await node(context, status: .accepted)
        }
    }

    private func nodes(
        _ include: @escaping @Sendable (Controller.Node) -> Bool
    ) async -> Page<NodeView> {
        await loop.read { controller, now in
            Page(
                items: controller.nodes.values.filter(include)
                    .sorted { $0.record.name < $1.record.name }
                    .map { NodeView($0, in: controller, at: now) },
                next: nil)
        }
    }

    private func node(
        _ context: Context, status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let name = NodeName(try name(context))
        let view = await loop.read { controller, now in
            controller.nodes[name].map { NodeView($0, in: controller, at: now) }
        }
        guard let view else { throw APIError.notFound("node \(name)") }
        return try JSONAnswer.response(view, status: status)
    }

    private func seconds(_ value: JSONValue?) throws -> Duration? {
        switch value {
        case nil, .null?: return nil
        case .int(let number)? where (0...31_536_000).contains(number): return .seconds(number)
        case .number(let number)? where number >= 0 && number <= 31_536_000:
            return .milliseconds(Int64(number * 1_000))
        default: throw APIError.invalid("a time must be a number of seconds, up to a year")
        }
    }

    private func assignment(_ fields: [String: JSONValue]) throws -> AssignmentRequest {
        var targets: [AssignmentRequest.Target] = []
        func text(_ key: String) throws -> String? {
            switch fields[key] {
            case nil, .null?: return nil
            case .string(let value)? where !value.isEmpty && value.utf8.count <= 512: return value
            default: throw APIError.invalid("`\(key)` must be a text")
            }
        }
        if let name = try text("cluster") { targets.append(.cluster(ClusterName(name))) }
        if let name = try text("template") { targets.append(.template(TemplateName(name))) }
        if let image = try text("image") {
            if let problem = ImageReference.problem(in: image) {
                throw APIError.impossible("`image`: \(problem)")
            }
            targets.append(.image(image))
        }
        guard targets.count == 1, let target = targets.first else {
            throw APIError.impossible("give one of `cluster`, `template` and `image`")
        }
        let time = try seconds(fields["seconds"])
        switch try text("mode") ?? "untilIdle" {
        case "untilIdle": return AssignmentRequest(target: target, mode: .untilIdle)
        case "manual": return AssignmentRequest(target: target, mode: .manual)
        case "fixed":
            guard let time, time >= .seconds(1) else {
                throw APIError.impossible("mode `fixed` needs `seconds`, at least 1")
            }
            return AssignmentRequest(target: target, mode: .fixed(time))
        case let mode:
            throw APIError.invalid("no mode is named `\(mode)`: untilIdle, fixed or manual")
        }
    }
}
