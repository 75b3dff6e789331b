/// A short form of an input, for lists and searches.
enum Abridged {
    /// The most bytes of JSON in a short form.
    static let bytesMax = 384

    /// A JSON object with its texts and lists cut until it is short; an empty one where nothing helps.
    static func input(_ text: String) -> String {
        forms(of: text).first { $0.utf8.count <= bytesMax } ?? "{}"
    }

    /// A JSON object with its texts and lists cut shorter and shorter; the last is an empty one.
    ///
    /// Each is made when it is asked for: most inputs need one.
    static func forms(of text: String) -> some Sequence<String> {
        let value = try? JSONValue(text: text)
        let cuts: [Int?] = [256, 192, 128, 96, 64, 48, 32, 16, 8, nil]
        return cuts.lazy.map { most -> String in
            guard let value, let most else { return "{}" }
            let short = shorten(value, texts: most, items: max(most / 16, 1), depth: 4)
            return (try? short.text) ?? "{}"
        }
    }

    private static func shorten(
        _ value: JSONValue, texts: Int, items: Int, depth: Int
    ) -> JSONValue {
        switch value {
        case .null, .bool, .int, .number: return value
        case .string(let text):
            guard text.utf8.count > texts else { return value }
            var bytes = 0
            let kept = text.unicodeScalars.prefix {
                bytes += UTF8.width($0)
                return bytes <= texts
            }
            return .string(String(kept) + "…")
        case .array(let list):
            return .array(
                list.prefix(depth > 0 ? items : 0).map {
                    shorten($0, texts: texts, items: items, depth: depth - 1)
                })
        case .object(let members):
            guard depth > 0 else { return .object([:]) }
            return .object(
                members.mapValues { shorten($0, texts: texts, items: items, depth: depth - 1) })
        }
    }
}
