import Yams

/// Turns a parser's nodes into a `YamlNode`, within bounds.
struct YamlTreeBuilder {
    var mistakes: MistakeList
    /// Keys as they were, by their stand-ins.
    let originals: [String: String]
    private var count = 0

    init(mistakes: MistakeList, originals: [String: String]) {
        self.mistakes = mistakes
        self.originals = originals
    }

    /// The tree; nil when it has too many values.
    mutating func build(_ root: Node) -> YamlNode? {
        let tree = build(root, path: "", depth: 0)
        guard count <= YamlReader.nodeLimit else {
            mistakes.add("the file has more than \(YamlReader.nodeLimit) values")
            return nil
        }
        return tree
    }

    private mutating func build(_ node: Node, path: String, depth: Int) -> YamlNode {
        let line = node.mark?.line ?? 0
        count += 1
        // Past the bound nothing is expanded any more; the caller reports it.
        guard count <= YamlReader.nodeLimit else { return YamlNode(.null, line: line) }
        guard depth <= YamlReader.depthLimit else {
            mistakes.add(line: line, key: path, "is nested deeper than \(YamlReader.depthLimit)")
            return YamlNode(.null, line: line)
        }
        switch node {
        case .scalar(let scalar):
            refuseTag(scalar.tag, line: line, path: path)
            return YamlNode(content(of: scalar), line: line)
        case .sequence(let sequence):
            refuseTag(sequence.tag, line: line, path: path)
            var items: [YamlNode] = []
            for item in sequence where count <= YamlReader.nodeLimit {
                items.append(build(item, path: path, depth: depth + 1))
            }
            return YamlNode(.list(items), line: line)
        case .mapping(let mapping):
            refuseTag(mapping.tag, line: line, path: path)
            return YamlNode(
                .mapping(entries(of: mapping, path: path, depth: depth)), line: line)
        case .alias:
            // The parser resolves aliases; this one is only for writing.
            return YamlNode(.null, line: line)
        }
    }

    private mutating func entries(
        of mapping: Node.Mapping, path: String, depth: Int
    ) -> [YamlEntry] {
        var entries: [YamlEntry] = []
        var lines: [String: Int] = [:]
        for (keyNode, valueNode) in mapping where count <= YamlReader.nodeLimit {
            let line = keyNode.mark?.line ?? 0
            guard let key = key(keyNode, line: line, path: path) else { continue }
            let childPath = path.isEmpty ? key : "\(path).\(key)"
            if let first = lines[key] {
                mistakes.add(line: line, key: childPath, "is already given on line \(first)")
                continue
            }
            lines[key] = line
            let value = build(valueNode, path: childPath, depth: depth + 1)
            entries.append(YamlEntry(key: key, line: line, value: value))
        }
        return entries
    }

    private mutating func key(_ node: Node, line: Int, path: String) -> String? {
        guard case .scalar(let scalar) = node else {
            mistakes.add(line: line, key: path, "has a key that is not plain text")
            return nil
        }
        let key = originals[scalar.string] ?? scalar.string
        guard !key.isEmpty else {
            mistakes.add(line: line, key: path, "has an empty key")
            return nil
        }
        guard key.utf8.count <= YamlReader.keyLimit else {
            mistakes.add(
                line: line, key: path, "has a key longer than \(YamlReader.keyLimit) bytes")
            return nil
        }
        guard key != "<<" || scalar.style != .plain else {
            mistakes.add(
                line: line, key: path, "merge keys (<<) are not supported; repeat the values")
            return nil
        }
        return key
    }

    private func content(of scalar: Node.Scalar) -> YamlNode.Content {
        switch scalar.style {
        case .any, .plain:
            switch scalar.string {
            case "", "~", "null", "Null", "NULL": .null
            default: .text(scalar.string, quoted: false)
            }
        case .singleQuoted, .doubleQuoted, .literal, .folded:
            .text(scalar.string, quoted: true)
        }
    }

    private mutating func refuseTag(_ tag: Tag, line: Int, path: String) {
        let own: [Tag.Name] = [.implicit, .str, .seq, .map]
        guard !own.contains(Tag.Name(rawValue: tag.rawValue)) else { return }
        mistakes.add(line: line, key: path, "YAML tags such as \(tag.rawValue) are not supported")
    }
}
