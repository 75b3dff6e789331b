import Foundation
import Yams

/// A plan as a person writes it: YAML or JSON.
enum PlanFile {
    /// The most values in a file, aliases counted as often as they are used.
    private static let valueLimit = 200_000
    private static let depthLimit = 64

    /// Reads a file, or stdin for `-`.
    static func read(_ path: String, _ context: Context) throws -> JSONValue {
        let data = try JobBody.read(path, context)
        let source = path == "-" ? "stdin" : path
        guard let text = String(bytes: data, encoding: .utf8) else {
            throw CommandError.usage("\(source) is no text")
        }
        let root: Yams.Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw CommandError.usage("\(source) is neither YAML nor JSON", why: "\(error)")
        }
        var left = valueLimit
        guard let root, case .object(let members) = try value(root, 0, &left, source) else {
            throw CommandError.usage(
                "\(source) is no plan", hint: "it has `steps:`, a list with a name and a kind each")
        }
        return .object(members)
    }

    private static func value(
        _ node: Yams.Node, _ depth: Int, _ left: inout Int, _ source: String
    ) throws -> JSONValue {
        left -= 1
        guard left >= 0, depth <= depthLimit else {
            throw CommandError.usage("\(source) is too large", why: "it has too many values")
        }
        switch node {
        case .scalar(let scalar): return self.scalar(node, scalar)
        case .sequence(let items):
            return .array(try items.map { try value($0, depth + 1, &left, source) })
        case .mapping(let pairs):
            return .object(
                try pairs.map { key, item in
                    guard let name = key.string else {
                        throw CommandError.usage("\(source) has a key that is no text")
                    }
                    return .init(name, try value(item, depth + 1, &left, source))
                })
        case .alias:
            throw CommandError.usage("\(source) has an alias that leads nowhere")
        }
    }

    private static func scalar(_ node: Yams.Node, _ scalar: Yams.Node.Scalar) -> JSONValue {
        // What is quoted is text, whatever it looks like.
        guard scalar.style == .plain else { return .string(scalar.string) }
        if node.null != nil { return .null }
        if let bool = node.bool { return .bool(bool) }
        if let int = node.int { return .int(int) }
        if let double = node.float, double.isFinite { return .double(double) }
        return .string(scalar.string)
    }
}
