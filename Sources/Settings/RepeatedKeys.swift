/// A YAML text in which repeated keys are made unique, so that a parser that refuses them reads on.
struct RepeatedKeys {
    /// The text to parse.
    private(set) var text: String
    /// The keys as they were, by their stand-ins.
    private(set) var originals: [String: String] = [:]
    private let canRename: Bool

    private static let mark: Unicode.Scalar = "\u{E000}"

    init(_ text: String) {
        self.text = text
        canRename = !text.unicodeScalars.contains(Self.mark)
    }

    /// Replaces the key at a line and column (from 1, in Unicode scalars) by a stand-in; false when it is not there.
    mutating func rename(_ key: String, line: Int, column: Int) -> Bool {
        guard canRename, !key.isEmpty, let start = index(line: line, column: column) else {
            return false
        }
        for form in [key, "\"\(key)\"", "'\(key)'"] {
            let scalars = form.unicodeScalars
            guard text.unicodeScalars[start...].starts(with: scalars),
                let end = text.unicodeScalars.index(
                    start, offsetBy: scalars.count, limitedBy: text.unicodeScalars.endIndex)
            else { continue }
            let standIn = "\(Self.mark)\(originals.count)"
            originals[standIn] = key
            text.unicodeScalars.replaceSubrange(start..<end, with: standIn.unicodeScalars)
            return true
        }
        return false
    }

    /// Counts lines as the parser does: CR LF, LF, CR, NEL, LS and PS each end one.
    private func index(line: Int, column: Int) -> String.Index? {
        let scalars = text.unicodeScalars
        var index = scalars.startIndex
        var current = 1
        while current < line {
            guard index < scalars.endIndex else { return nil }
            let scalar = scalars[index]
            index = scalars.index(after: index)
            switch scalar {
            case "\r":
                if index < scalars.endIndex, scalars[index] == "\n" {
                    index = scalars.index(after: index)
                }
                current += 1
            case "\n", "\u{85}", "\u{2028}", "\u{2029}":
                current += 1
            default: break
            }
        }
        guard column >= 1 else { return nil }
        return scalars.index(index, offsetBy: column - 1, limitedBy: scalars.endIndex)
    }
}
