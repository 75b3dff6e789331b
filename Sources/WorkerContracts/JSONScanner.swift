/// Steps over JSON values in a byte array, strictly by RFC 8259.
struct JSONScanner {
    let bytes: [UInt8]
    private(set) var index: Int
    private var first = true

    init(bytes: [UInt8], index: Int) {
        self.bytes = bytes
        self.index = index
    }

    var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    func unexpected() -> WorkerError {
        WorkerError(
            .badResponse,
            index < bytes.count
                ? "The worker's answer is not JSON at byte \(index)."
                : "The worker's answer is JSON cut short at byte \(index).")
    }

    mutating func skipWhitespace() {
        while let byte = current,
            byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
        {
            index += 1
        }
    }

    mutating func expect(_ byte: UInt8) throws(WorkerError) {
        skipWhitespace()
        guard current == byte else { throw unexpected() }
        index += 1
    }

    /// True when another item follows in the container being walked; steps over the comma.
    mutating func nextItem(closing: UInt8) throws(WorkerError) -> Bool {
        skipWhitespace()
        if current == closing { return false }
        if first {
            first = false
        } else {
            try expect(UInt8(ascii: ","))
            skipWhitespace()
        }
        return true
    }

    mutating func skipValue(depth: Int) throws(WorkerError) {
        guard depth <= JSONText.depthMax else {
            throw WorkerError(
                .tooLarge, "The worker's answer nests deeper than \(JSONText.depthMax).")
        }
        skipWhitespace()
        switch current {
        case UInt8(ascii: "{"): try skipContainer(closing: UInt8(ascii: "}"), keyed: true, depth)
        case UInt8(ascii: "["): try skipContainer(closing: UInt8(ascii: "]"), keyed: false, depth)
        case UInt8(ascii: "\""): try skipString()
        case UInt8(ascii: "t"): try skipWord("true")
        case UInt8(ascii: "f"): try skipWord("false")
        case UInt8(ascii: "n"): try skipWord("null")
        default: try skipNumber()
        }
    }

    private mutating func skipContainer(
        closing: UInt8, keyed: Bool, _ depth: Int
    ) throws(WorkerError) {
        index += 1
        skipWhitespace()
        if current == closing {
            index += 1
            return
        }
        while true {
            if keyed {
                skipWhitespace()
                try skipString()
                try expect(UInt8(ascii: ":"))
            }
            try skipValue(depth: depth + 1)
            skipWhitespace()
            if current == closing {
                index += 1
                return
            }
            try expect(UInt8(ascii: ","))
        }
    }

    private mutating func skipString() throws(WorkerError) {
        guard current == UInt8(ascii: "\"") else { throw unexpected() }
        index += 1
        while let byte = current {
            if byte == UInt8(ascii: "\"") {
                index += 1
                return
            }
            guard byte >= 0x20 else { throw unexpected() }
            index += 1
            if byte == UInt8(ascii: "\\") { try skipEscape() }
        }
        throw unexpected()
    }

    private mutating func skipEscape() throws(WorkerError) {
        guard let letter = current else { throw unexpected() }
        index += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return
        case UInt8(ascii: "u"):
            for _ in 0..<4 {
                guard let digit = current, JSONEscapes.hexValue(digit) != nil else {
                    throw unexpected()
                }
                index += 1
            }
        default:
            index -= 1
            throw unexpected()
        }
    }

    private mutating func skipWord(_ word: StaticString) throws(WorkerError) {
        for byte in "\(word)".utf8 {
            guard current == byte else { throw unexpected() }
            index += 1
        }
    }

    private mutating func skipNumber() throws(WorkerError) {
        if current == UInt8(ascii: "-") { index += 1 }
        if current == UInt8(ascii: "0") {
            index += 1
        } else {
            try skipDigits()
        }
        if current == UInt8(ascii: ".") {
            index += 1
            try skipDigits()
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            index += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { index += 1 }
            try skipDigits()
        }
    }

    private mutating func skipDigits() throws(WorkerError) {
        let start = index
        while let byte = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            index += 1
        }
        guard index > start else { throw unexpected() }
    }
}
