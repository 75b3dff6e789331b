import CZlib

/// The record of a job that has ended, small: a million of them shall fit into a box's memory.
///
/// The mark, the length of the text, the number of its digests, the digests as bytes, and the text: the JSON with a
/// byte 2 where a digest was, by DEFLATE with a dictionary of what such records have in common. That has the
/// record's id in it too, which whoever reads the record knows from its key. About a quarter of the JSON is left.
/// The first byte tells it from JSON, which begins with a brace.
enum PackedRecord {
    /// The first byte; another dictionary must have another.
    static let mark: UInt8 = 2
    /// That of records of an older version: no digests, and a dictionary without the id.
    static let earlierMark: UInt8 = 1
    /// The largest record that is read, in bytes.
    static let limit = 8 << 20
    /// The largest record that is packed: the time that larger ones take would be missing elsewhere.
    static let packingLimit = 32 << 10
    /// The longest that a packed record should be: Redis gives memory in steps, and with 320 bytes, 6 of them for
    /// itself, and what it has beside them, a past job takes less than 600.
    static let goal = 314

    /// A digest in hexadecimal.
    private static let digits = 64
    /// What stands for a digest; in JSON no text has it.
    private static let placeholder: UInt8 = 2

    /// Packs the record of an id; what does not get smaller stays as it is.
    static func pack(_ json: [UInt8], id: String) -> [UInt8] {
        guard !json.isEmpty, json.count <= packingLimit else { return json }
        let (text, digests) = takingDigests(from: json)
        var packed = [UInt8](repeating: 0, count: text.count)
        let words = PackedWords.current(id)
        guard let size = unsafe run(jessica_deflate, text[...], words, &packed) else { return json }
        let head = [mark] + number(text.count) + number(digests.count / (digits / 2)) + digests
        return head.count + size < json.count ? head + packed.prefix(size) : json
    }

    /// The JSON of the record of an id, packed or not; nil when it is damaged.
    static func unpack(_ record: [UInt8], id: String) -> [UInt8]? {
        guard let first = record.first, first == mark || first == earlierMark else { return record }
        var rest = record.dropFirst()
        guard let size = takeNumber(&rest), size <= limit else { return nil }
        var digests: ArraySlice<UInt8> = []
        if first == mark {
            guard let count = takeNumber(&rest), count <= rest.count / (digits / 2) else {
                return nil
            }
            digests = rest.prefix(count * (digits / 2))
            rest = rest.dropFirst(digests.count)
        }
        let words = first == mark ? PackedWords.current(id) : PackedWords.earlier
        var text = [UInt8](repeating: 0, count: size)
        guard unsafe run(jessica_inflate, rest, words, &text) == size else { return nil }
        return digests.isEmpty ? text : puttingDigests(digests, into: text)
    }

    // MARK: Digests

    /// The record without its digests, and these as bytes; where they could not be put back, all of it.
    private static func takingDigests(from json: [UInt8]) -> (text: [UInt8], digests: [UInt8]) {
        guard !json.contains(placeholder) else { return (json, []) }
        var text: [UInt8] = []
        var digests: [UInt8] = []
        var run = json.startIndex
        for place in json.indices where hexadecimal(json[place]) == nil {
            take(json[run..<place])
            text.append(json[place])
            run = place + 1
        }
        take(json[run...])
        return (text, digests)

        func take(_ run: ArraySlice<UInt8>) {
            guard run.count == digits else { return text.append(contentsOf: run) }
            var high: UInt8?
            for digit in run.compactMap(hexadecimal) {
                guard let first = high.take() else {
                    high = digit
                    continue
                }
                digests.append(first << 4 | digit)
            }
            text.append(placeholder)
        }
    }

    /// The record with its digests; nil when there are not as many as places for them.
    private static func puttingDigests(
        _ digests: ArraySlice<UInt8>, into text: [UInt8]
    ) -> [UInt8]? {
        let letters = Array("0123456789abcdef".utf8)
        var rest = digests
        var json: [UInt8] = []
        for byte in text {
            guard byte == placeholder else {
                json.append(byte)
                continue
            }
            guard !rest.isEmpty else { return nil }
            for byte in rest.prefix(digits / 2) {
                json.append(letters[Int(byte >> 4)])
                json.append(letters[Int(byte & 0xF)])
            }
            rest = rest.dropFirst(digits / 2)
        }
        return rest.isEmpty ? json : nil
    }

    /// The value of a lowercase hexadecimal digit.
    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    // MARK: Numbers and DEFLATE

    /// Seven bits a byte, the lowest first, as protobuf writes numbers.
    private static func number(_ number: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = number
        while rest > 0x7F {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private static func takeNumber(_ bytes: inout ArraySlice<UInt8>) -> Int? {
        var number = 0
        for shift in stride(from: 0, through: 21, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            number |= Int(byte & 0x7F) << shift
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
