/// One thing wrong with a file, a flag or an environment variable.
package struct Mistake: Hashable, Sendable, CustomStringConvertible {
    /// Where it was read: a file's name, `--flag` or a variable's name.
    package let source: String
    /// The line in the file, from 1; 0 when the place has no lines.
    package let line: Int
    /// The dotted key, `clusters.vision.nodes`; empty when the whole source is meant.
    package let key: String
    /// What is wrong, and what would be right.
    package let message: String

    /// Creates a mistake; control characters are escaped and long text is cut, so it prints as one line.
    package init(source: String, line: Int, key: String, message: String) {
        self.source = Shown.oneLine(source, limit: 300)
        self.line = line
        self.key = Shown.oneLine(key, limit: 300)
        self.message = Shown.oneLine(message, limit: 600)
    }

    /// `cluster.yaml:12: clusters.vision.nodes: agx-01 is listed twice`.
    package var description: String {
        let place = line > 0 ? "\(source):\(line)" : source
        return key.isEmpty ? "\(place): \(message)" : "\(place): \(key): \(message)"
    }
}

/// Collects the mistakes of one source, up to a bound.
package struct MistakeList: Sendable {
    /// How many mistakes are kept; the rest are only counted.
    package static let limit = 200

    /// The source every mistake names.
    package let source: String
    private var kept: [Mistake] = []
    private var dropped = 0

    /// Creates an empty list for a source.
    package init(source: String) { self.source = source }

    /// Whether nothing was wrong.
    package var isEmpty: Bool { kept.isEmpty }

    /// Notes a mistake; `line` is 0 when there is none to name.
    package mutating func add(line: Int = 0, key: String = "", _ message: String) {
        guard kept.count < Self.limit else {
            dropped += 1
            return
        }
        kept.append(Mistake(source: source, line: line, key: key, message: message))
    }

    /// The mistakes by line, then by the order they were found; the last says how many were left out.
    package var sorted: [Mistake] {
        var all = kept.enumerated()
            .sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }
            .map(\.element)
        if dropped > 0 {
            let more = dropped == 1 ? "1 more mistake" : "\(dropped) more mistakes"
            all.append(
                Mistake(source: source, line: 0, key: "", message: "\(more), not shown"))
        }
        return all
    }
}

/// Makes outside text safe to print.
package enum Shown {
    /// `text` on one line: control and invisible characters escaped, cut after `limit` characters.
    package static func oneLine(_ text: String, limit: Int) -> String {
        var result = ""
        var count = 0
        for scalar in text.unicodeScalars {
            guard count < limit else { return result + "…" }
            count += 1
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate,
                .unassigned:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default:
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// `text` in double quotes, on one line and short.
    package static func quoted(_ text: String) -> String { "\"\(oneLine(text, limit: 60))\"" }
}

/// Why a piece of text is not what it should be.
package struct TextProblem: Error, Hashable, Sendable {
    /// What is wrong, to follow the key: `must be …`.
    package let message: String
    /// Creates a problem.
    package init(_ message: String) { self.message = message }
}
