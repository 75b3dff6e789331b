import Yams

/// Reads hostile YAML text into a tree with lines, and reports all it can.
package enum YamlReader {
    /// The largest text read, in bytes of UTF-8.
    package static let byteLimit = 1 << 20
    /// How deep values may be nested.
    package static let depthLimit = 32
    /// How many values a file may have, aliases expanded.
    package static let nodeLimit = 200_000
    /// The longest key, in bytes.
    package static let keyLimit = 256

    /// The tree, or nil when there is nothing to read; each repeated key is reported and its first value kept.
    ///
    /// That there is nothing, or only comments, is a mistake unless the text may be empty.
    package static func read(
        _ text: String, mayBeEmpty: Bool = false, into mistakes: inout MistakeList
    ) -> YamlNode? {
        guard text.utf8.count <= byteLimit else {
            mistakes.add("the file is larger than 1 MiB (\(text.utf8.count) bytes)")
            return nil
        }
        guard AliasBound.isHarmless(text) else {
            mistakes.add("its YAML aliases would expand beyond all bounds")
            return nil
        }
        var source = RepeatedKeys(text)
        // The parser stops at a repeated key. Each turn makes one of them unique and parses again, so that
        // the other mistakes of the file are seen too; the work is bounded by the bytes parsed.
        var budget = byteLimit
        while true {
            budget -= max(text.utf8.count, byteLimit / 32)
            do throws(YamlFailure) {
                guard let root = try compose(source.text) else {
                    if !mayBeEmpty { mistakes.add("the file is empty") }
                    return nil
                }
                var builder = YamlTreeBuilder(mistakes: mistakes, originals: source.originals)
                let tree = builder.build(root)
                mistakes = builder.mistakes
                return tree
            } catch {
                guard case .repeated(let key, let line, let column) = error else {
                    mistakes.add(line: error.line(in: source.text), error.message)
                    return nil
                }
                guard budget > 0, source.rename(key, line: line, column: column) else {
                    mistakes.add(line: line, key: key, "this key is given more than once")
                    return nil
                }
            }
        }
    }

    /// Yams with its pattern matching of scalars off: types are decided by who asks, and matching is slow.
    private static func compose(_ text: String) throws(YamlFailure) -> Node? {
        do {
            return try Yams.compose(yaml: text, .basic, .default, .utf8)
        } catch let error as YamlError {
            throw YamlFailure(error)
        } catch {
            throw .other("not valid YAML")
        }
    }
}

/// Why a text is no YAML.
enum YamlFailure: Error {
    /// The grammar is broken at a line.
    case syntax(line: Int, String)
    /// A character cannot stand in YAML; the offset is in characters.
    case character(offset: Int?, String)
    /// A mapping has a key twice; the place is the first of them.
    case repeated(key: String, line: Int, column: Int)
    /// Anything else.
    case other(String)

    init(_ error: YamlError) {
        switch error {
        case .scanner(let context, let problem, let mark, _),
            .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            // The parser's own words for this one are for programmers.
            guard !problem.hasPrefix("Maximum nesting level") else {
                self = .syntax(line: mark.line, "not valid YAML: nested too deeply")
                return
            }
            let place = context.map { ", \($0.text) begun on line \($0.mark.line)" } ?? ""
            self = .syntax(line: mark.line, "not valid YAML: \(problem)\(place)")
        case .reader(let problem, let offset, _, _):
            self = .character(offset: offset, "not valid YAML: \(problem)")
        case .duplicatedKeysInMapping(let keys, let context):
            self = .repeated(
                key: keys.first ?? "", line: context.mark.line, column: context.mark.column)
        case .memory:
            self = .other("not valid YAML: nested too deeply")
        case .no, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            self = .other("not valid YAML")
        }
    }

    var message: String {
        switch self {
        case .syntax(_, let message), .character(_, let message), .other(let message): message
        case .repeated: "this key is given more than once"
        }
    }

    func line(in text: String) -> Int {
        switch self {
        case .repeated(_, let line, _): return line
        case .syntax(let line, _):
            // What is missing at the end is found missing on the line after it.
            let breaks = text.reduce(0) { $1.isNewline ? $0 + 1 : $0 }
            let last = text.last?.isNewline == true ? breaks : breaks + 1
            return max(1, min(line, last))
        case .other: return 0
        case .character(let offset, _):
            guard let offset, offset >= 0,
                let end = text.index(text.startIndex, offsetBy: offset, limitedBy: text.endIndex)
            else { return 0 }
            return text[..<end].reduce(1) { $1.isNewline ? $0 + 1 : $0 }
        }
    }
}
