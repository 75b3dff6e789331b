/// A JSON object in which some values stand for others: `{"image": {"$from": "picture"}}`.
///
/// Everything else is kept byte for byte.
package struct InputTemplate: Sendable {
    /// A value that stands for another.
    package struct Slot: Hashable, Sendable {
        /// The word that makes it one, `$from`.
        package let word: String
        /// What stands behind it.
        package let text: String
        let place: Range<Int>
    }

    /// The values that stand for others, in their order.
    package let slots: [Slot]
    private let bytes: [UInt8]

    /// The most slots.
    static let slotsMax = 64

    /// Reads an input; `words` are the names of the one member that an object has which stands for a value.
    ///
    /// Throws `badResponse` for what is no JSON, `tooLarge` past the limits.
    package init(_ bytes: [UInt8], words: Set<String>) throws(WorkerError) {
        self.bytes = bytes
        var found: [Slot] = []
        try Self.find(in: try JSONText(validating: bytes), words, &found)
        slots = found
    }

    private static func find(
        in value: JSONText, _ words: Set<String>, _ found: inout [Slot]
    ) throws(WorkerError) {
        switch value.kind {
        case .null, .bool, .number, .string: return
        case .array:
            for element in try value.elements(max: valuesMax) {
                try find(in: element, words, &found)
            }
        case .object:
            let members = try value.members(max: valuesMax)
            if members.count == 1, let only = members.first, words.contains(only.key),
                let text = only.value.string
            {
                guard found.count < slotsMax else {
                    throw WorkerError(.tooLarge, "The input has more than \(slotsMax) references.")
                }
                found.append(Slot(word: only.key, text: text, place: value.place))
                return
            }
            for member in members { try find(in: member.value, words, &found) }
        }
    }

    private static let valuesMax = 100_000

    /// The input with `values` in the place of the slots: as many, each JSON.
    package func filled(with values: [[UInt8]]) -> [UInt8] {
        var whole: [UInt8] = []
        var index = 0
        for (slot, value) in zip(slots, values) {
            whole += bytes[index..<slot.place.lowerBound]
            whole += value
            index = slot.place.upperBound
        }
        return whole + bytes[index...]
    }

    /// A text as JSON.
    package static func string(_ text: String) -> [UInt8] { Array(JSONEscapes.quote(text).utf8) }

    /// Values as a JSON list.
    package static func list(_ values: [[UInt8]]) -> [UInt8] {
        Array("[".utf8) + values.joined(separator: ",".utf8) + Array("]".utf8)
    }

    /// Whether bytes are one JSON value.
    package static func isJSON(_ bytes: [UInt8]) -> Bool {
        (try? JSONText(validating: bytes)) != nil
    }
}
