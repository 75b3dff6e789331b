extension StringProtocol {
    /// How many terminal columns the text takes: 0 for marks, 2 for wide characters.
    var displayWidth: Int {
        if utf8.allSatisfy({ $0 < 0x80 }) { return utf8.count }
        return reduce(0) { $0 + $1.displayWidth }
    }

    /// The longest start of at most `columns`, ending in … when something was cut.
    func truncated(to columns: Int) -> String {
        guard displayWidth > columns else { return String(self) }
        guard columns > 0 else { return "" }
        var kept = ""
        var used = 0
        for character in self {
            let width = character.displayWidth
            guard used + width <= columns - 1 else { break }
            kept.append(character)
            used += width
        }
        return kept.trimmingTrailingSpaces() + "…"
    }

    /// The text in lines of at most `columns`, broken at spaces; the last of `limit` lines ends in ….
    func wrapped(to columns: Int, limit: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in split(separator: " ") {
            let joined = line.isEmpty ? String(word) : line + " " + word
            if joined.displayWidth <= columns || line.isEmpty {
                line = joined
            } else {
                lines.append(line)
                line = String(word)
            }
            // A word longer than a line is cut in place: it is an id or a path, readable by -o wide.
        }
        lines.append(line)
        if lines.count > limit {
            let rest = lines[(limit - 1)...].joined(separator: " ")
            lines = Array(lines[..<(limit - 1)]) + [rest]
        }
        return lines.map { $0.truncated(to: columns) }
    }

    func trimmingTrailingSpaces() -> String {
        var text = Substring(self)
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}

extension Character {
    var displayWidth: Int {
        guard let first = unicodeScalars.first else { return 0 }
        if unicodeScalars.count > 1, unicodeScalars.contains(where: { $0.value == 0xFE0F }) {
            return 2
        }
        switch first.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: break
        }
        switch first.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF,
            0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F,
            0x1F680...0x1F6FF, 0x1F900...0x1FAFF, 0x20000...0x3FFFD:
            return 2
        default:
            return first.properties.isEmojiPresentation ? 2 : 1
        }
    }
}
