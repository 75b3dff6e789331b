/// Names from outside made safe for files, containers and predictions.
enum PlainName {
    /// The text itself when it is 1 to `limit` letters, digits, `-` and `_`; else a safe one that no
    /// other text has, made of its safe characters and a digest of it.
    static func make(_ text: String, limit: Int = 64) -> String {
        let isPlain = text.utf8.allSatisfy(isSafe) && (1...limit).contains(text.utf8.count)
        if isPlain, text.utf8.first != UInt8(ascii: "-"), text.utf8.first != UInt8(ascii: "_") {
            return text
        }
        let safe = text.utf8.filter(isSafe).prefix(max(0, limit - 19))
        return "x\(String(decoding: safe, as: UTF8.self))_\(digest(text))"
    }

    /// FNV-1a, 64 bit, in hexadecimal.
    private static func digest(_ text: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }

    private static func isSafe(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
