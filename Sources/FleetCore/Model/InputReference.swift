/// What an input refers to in place of a value: an output of another job, or an upload.
///
/// In JSON `{"$from": "poem.text"}`, `{"$from": "frames[3].image"}`, `{"$from": "poem"}` for the only
/// output, `{"$upload": "ID"}`.
package enum InputReference: Hashable, Sendable {
    /// An output of a step, or of a job by its id; `index` chooses one job of a step of several, `output` is
    /// nil for the only one.
    case output(of: String, index: Int?, output: String?)
    /// A file that was uploaded.
    case upload(String)

    /// The members of an object that make it a reference.
    package static let outputKey = "$from"
    /// See `outputKey`.
    package static let uploadKey = "$upload"
    /// What an agent asks for in the place of a reference when the input itself is in the object store.
    package static let storedKey = "$stored"
    /// The longest text of a reference, in bytes.
    package static let textLimit = 256

    /// Reads a reference; nil where the text is none.
    package init?(key: String, text: String) {
        guard (1...Self.textLimit).contains(text.utf8.count),
            // It goes over the link, where no text has control characters.
            text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else {
            return nil
        }
        switch key {
        case Self.uploadKey: self = .upload(text)
        case Self.outputKey:
            guard let reference = Self.output(text) else { return nil }
            self = reference
        default: return nil
        }
    }

    private static func output(_ text: String) -> InputReference? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        var step = parts[0]
        let output = parts.count > 1 ? String(parts[1]) : nil
        if output?.isEmpty == true { return nil }
        var index: Int?
        if step.last == "]" {
            guard let open = step.firstIndex(of: "["),
                let number = Int(step[step.index(after: open)...].dropLast()), number >= 0
            else { return nil }
            index = number
            step = step[..<open]
        }
        guard !step.isEmpty, !step.contains(where: { $0 == "[" || $0 == "]" }) else { return nil }
        return .output(of: String(step), index: index, output: output)
    }

    /// The prerequisites of a job that a reference to an output means, in their order.
    package func prerequisites(among all: [Prerequisite]) -> [Prerequisite] {
        guard case .output(let step, let index, _) = self else { return [] }
        if let index { return all.filter { $0.name == "\(step)[\(index)]" } }
        let whole = all.filter { $0.name == step }
        return whole.isEmpty ? all.filter { $0.name.hasPrefix("\(step)[") } : whole
    }

    /// Whether it means a list: every job of a step of several.
    package func isList(among all: [Prerequisite]) -> Bool {
        guard case .output(let step, nil, _) = self else { return false }
        return !all.contains { $0.name == step }
    }
}
