/// What somebody asked for, to find it again in what is said about it.
struct InputText: Sendable {
    /// Bytes of an input that are looked at; of a larger one nobody could tell what quotes it.
    private static let bytesMax = 256 << 10
    private var texts: [String] = []

    /// Takes every text in the values; nil when they are too large.
    init?(_ values: [JSONValue]) {
        var budget = Self.bytesMax
        for value in values { collect(value, &budget) }
        guard budget >= 0 else { return nil }
    }

    private mutating func collect(_ value: JSONValue, _ budget: inout Int) {
        switch value {
        case .string(let text):
            budget -= text.utf8.count
            if budget >= 0 { texts.append(text) }
        case .array(let elements): for element in elements { collect(element, &budget) }
        case .object(let members): for member in members { collect(member.value, &budget) }
        case .null, .bool, .number: break
        }
    }

    /// Finds the texts; it takes many times their memory, so it is not to be kept for many jobs.
    func finder() -> InputFinder { InputFinder(texts) }
}

/// Takes an input out of texts that quote it, in whole or in part.
struct InputFinder {
    /// So many bytes in a row that are the input's are no chance.
    private static let window = 12
    private var short: [String] = []
    private var windows: Set<ArraySlice<UInt8>> = []

    fileprivate init(_ texts: [String]) {
        for text in texts {
            let bytes = Array(text.utf8)
            guard bytes.count >= Self.window else {
                if bytes.count >= 4 { short.append(text) }
                continue
            }
            for start in 0...(bytes.count - Self.window) {
                windows.insert(bytes[start..<start + Self.window])
            }
        }
    }

    /// The text without what is the input's.
    func removed(from text: String) -> String {
        var text = text
        for word in short { text = text.replacing(word, with: Redactor.mark) }
        let bytes = Array(text.utf8)
        guard !windows.isEmpty, bytes.count >= Self.window else { return text }
        var kept: [UInt8] = []
        var end = 0
        for index in bytes.indices {
            if index + Self.window <= bytes.count,
                windows.contains(bytes[index..<index + Self.window])
            {
                if end < index || index == 0 { kept += Array(Redactor.mark.utf8) }
                end = index + Self.window
            }
            if index >= end { kept.append(bytes[index]) }
        }
        return String(decoding: kept, as: UTF8.self)
    }

    /// The value without what is the input's.
    func removed(from value: JSONValue) -> JSONValue {
        switch value {
        case .null, .bool, .number: value
        case .string(let text): .string(removed(from: text))
        case .array(let elements): .array(elements.map { removed(from: $0) })
        case .object(let members):
            .object(members.map { JSONValue.Member($0.key, removed(from: $0.value)) })
        }
    }
}
