import CZlib

/// The record of a job that has ended, small: a million of them shall fit into a box's memory.
///
/// The mark, the length of the text, that of its values, the values (``PackedValues``), and the text: the JSON
/// without them, by DEFLATE with a dictionary of what such records have in common. That has the record's id in it
/// too, which whoever reads the record knows from its key. About a quarter of the JSON is left. The first byte tells
/// it from JSON, which begins with a brace.
enum PackedRecord {
    /// The first byte; another dictionary must have another.
    static let mark: UInt8 = 2
    /// That of records of an older version: no values, and a dictionary without the id.
    static let earlierMark: UInt8 = 1
    /// The largest record that is read, in bytes.
    static let limit = 8 << 20
    /// The largest record that is packed: the time that larger ones take would be missing elsewhere.
    static let packingLimit = 32 << 10
    /// The longest that a packed record should be: Redis gives memory in steps, and with 384 bytes, 6 of them for
    /// itself, and what it has beside them, a past job takes 510.
    static let goal = 378

    /// Packs the record of an id; what does not get smaller stays as it is.
    static func pack(_ json: [UInt8], id: String) -> [UInt8] {
        guard !json.isEmpty, json.count <= packingLimit else { return json }
        let (text, values) = PackedValues.take(from: json)
        var packed = [UInt8](repeating: 0, count: text.count)
        let words = PackedWords.current(id)
        guard let size = unsafe run(jessica_deflate, text[...], words, &packed) else { return json }
        let head = [mark] + number(UInt64(text.count)) + number(UInt64(values.count)) + values
        return head.count + size < json.count ? head + packed.prefix(size) : json
    }

    /// The JSON of the record of an id, packed or not; nil when it is damaged.
    static func unpack(_ record: [UInt8], id: String) -> [UInt8]? {
        guard let first = record.first, first == mark || first == earlierMark else { return record }
        var rest = record.dropFirst()
        guard let size = takeNumber(&rest), size <= limit else { return nil }
        var values: ArraySlice<UInt8> = []
        if first == mark {
            guard let count = takeNumber(&rest), count <= rest.count else { return nil }
            values = rest.prefix(Int(count))
            rest = rest.dropFirst(values.count)
        }
        let words = first == mark ? PackedWords.current(id) : PackedWords.earlier
        var text = [UInt8](repeating: 0, count: Int(size))
        guard unsafe run(jessica_inflate, rest, words, &text) == text.count else { return nil }
        return values.isEmpty ? text : PackedValues.put(values, into: text)
    }

    // MARK: Numbers and DEFLATE

    /// Seven bits a byte, the lowest first, as protobuf writes numbers.
    static func number(_ number: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = number
        while rest > 0x7F {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    /// Reads what `number` wrote; nil when it is cut off or does not fit.
    static func takeNumber(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for shift in stride(from: 0, through: 63, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            let part = UInt64(byte & 0x7F)
            guard (part << shift) >> shift == part else { return nil }
            number |= part << shift
            if byte & 0x80 == 0 { return number }
        }
        return nil
    }

    private typealias Codec = (
        UnsafePointer<UInt8>?, Int, UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UInt8>?, Int
    ) -> Int

    private static func run(
        _ codec: Codec, _ from: ArraySlice<UInt8>, _ words: [UInt8], _ to: inout [UInt8]
    ) -> Int? {
        let written = unsafe from.withUnsafeBufferPointer { source in
            unsafe words.withUnsafeBufferPointer { words in
                unsafe to.withUnsafeMutableBufferPointer { target in
                    unsafe codec(
                        source.baseAddress, source.count, words.baseAddress, words.count,
                        target.baseAddress, target.count)
                }
            }
        }
        return written >= 0 ? written : nil
    }
}
