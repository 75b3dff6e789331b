/// What DEFLATE cannot shorten in a record, as bytes beside its text: digests, UUIDs and times.
///
/// In the text a byte stands for each that no JSON has. Whatever only looks like one is taken too: what matters is
/// that `put` makes the same JSON of it again.
enum PackedValues {
    /// What a byte of the text stands for.
    private enum Kind: UInt8 {
        /// 64 hexadecimal digits, as 32 bytes.
        case digest = 2
        /// 16 of them, as 8 bytes.
        case shortDigest
        /// 32 of them with four dashes, as 16 bytes.
        case uuid
        /// Nanoseconds since 1970, of 19 digits as until the year 2262: what they differ by from those before, the
        /// lowest bit for the sign, in groups of seven bits.
        case time

        /// Bytes of one in hexadecimal.
        var size: Int {
            switch self {
            case .digest: 32
            case .shortDigest: 8
            case .uuid: 16
            case .time: 0
            }
        }
    }

    private static let letters = Array("0123456789abcdef".utf8)
    private static let dash = UInt8(ascii: "-")
    /// Where the dashes of a UUID are.
    private static let dashes = [8, 13, 18, 23]
    private static let uuidLength = 36
    private static let timeDigits = 19

    // MARK: Taking

    /// The text of a record, and its values; where they could not be put back, all of it.
    static func take(from json: [UInt8]) -> (text: [UInt8], values: [UInt8]) {
        guard !json.contains(where: { Kind(rawValue: $0) != nil }) else { return (json, []) }
        var text: [UInt8] = []
        var values: [UInt8] = []
        var before: Int64 = 0
        var rest = json[...]
        while let byte = rest.first {
            let run = rest.prefix { digit($0) != nil }
            guard !run.isEmpty else {
                text.append(byte)
                rest = rest.dropFirst()
                continue
            }
            if let time = time(run) {
                text.append(Kind.time.rawValue)
                // Neither is negative, so that it cannot overflow.
                let step = time - before
                values += PackedRecord.number(UInt64(bitPattern: step << 1 ^ step >> 63))
                before = time
            } else if run.count == 2 * Kind.digest.size {
                text.append(Kind.digest.rawValue)
                values += bytes(run)
            } else if run.count == 2 * Kind.shortDigest.size {
                text.append(Kind.shortDigest.rawValue)
                values += bytes(run)
            } else if let digits = uuid(rest.prefix(uuidLength)) {
                text.append(Kind.uuid.rawValue)
                values += bytes(digits)
                rest = rest.dropFirst(uuidLength)
                continue
            } else {
                text += run
            }
            rest = rest.dropFirst(run.count)
        }
        return (text, values)
    }

    /// The time that some digits are.
    private static func time(_ run: ArraySlice<UInt8>) -> Int64? {
        guard run.count == timeDigits, run.first != UInt8(ascii: "0"),
            run.allSatisfy({ $0 <= UInt8(ascii: "9") })
        else { return nil }
        return Int64(String(decoding: run, as: UTF8.self))
    }

    /// The digits of the UUID that a text is.
    private static func uuid(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard text.count == uuidLength else { return nil }
        var digits: ArraySlice<UInt8> = []
        for (place, byte) in text.enumerated() {
            if dashes.contains(place) {
                guard byte == dash else { return nil }
            } else {
                guard digit(byte) != nil else { return nil }
                digits.append(byte)
            }
        }
        return digits
    }

    /// The value of a lowercase hexadecimal digit.
    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    /// The bytes that an even number of digits stands for.
    private static func bytes(_ digits: ArraySlice<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        var high: UInt8?
        for value in digits.compactMap(digit) {
            if let first = high.take() {
                bytes.append(first << 4 | value)
            } else {
                high = value
            }
        }
        return bytes
    }

    // MARK: Putting

    /// The record of a text and its values; nil when they do not belong together.
    static func put(_ values: ArraySlice<UInt8>, into text: [UInt8]) -> [UInt8]? {
        var rest = values
        var before: Int64 = 0
        var json: [UInt8] = []
        for byte in text {
            guard let kind = Kind(rawValue: byte) else {
                json.append(byte)
                continue
            }
            if kind == .time {
                guard let number = PackedRecord.takeNumber(&rest) else { return nil }
                let step = Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1)
                let (time, overflows) = before.addingReportingOverflow(step)
                guard !overflows, time >= 0 else { return nil }
                before = time
                json += String(time).utf8
                continue
            }
            let bytes = rest.prefix(kind.size)
            guard bytes.count == kind.size else { return nil }
            rest = rest.dropFirst(kind.size)
            let start = json.count
            for byte in bytes {
                if kind == .uuid, dashes.contains(json.count - start) { json.append(dash) }
                json.append(letters[Int(byte >> 4)])
                json.append(letters[Int(byte & 0xF)])
            }
        }
        return rest.isEmpty ? json : nil
    }
}
