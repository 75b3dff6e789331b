/// Reads the pieces of one word from its front; what does not fit is left where it is.
struct Scanner {
    /// What is not read yet.
    private(set) var rest: ArraySlice<UInt8>

    /// The digits of a number at most: more are no measurement, and 15 fit a `Double` exactly.
    private static let digitsMax = 15

    init(_ word: ArraySlice<UInt8>) { rest = word }

    /// Whether everything is read.
    var isAtEnd: Bool { rest.isEmpty }

    /// Takes one byte if it is next.
    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    /// Takes a text if it is next, in capitals or not.
    mutating func take(text: StaticString) -> Bool {
        let wanted = text.bytes
        let found = rest.prefix(wanted.count)
        guard found.count == wanted.count, zip(found, wanted).allSatisfy({ $0.lower == $1.lower })
        else { return false }
        rest.removeFirst(wanted.count)
        return true
    }

    /// Takes a whole number from 0.
    mutating func integer() -> Int? {
        var copy = self
        guard let digits = copy.digits(), !digits.isEmpty else { return nil }
        self = copy
        return Self.value(digits)
    }

    /// Takes a number with or without a sign and a fraction.
    mutating func number() -> Double? {
        var copy = self
        let isNegative = copy.take("-")
        if !isNegative { _ = copy.take("+") }
        guard let whole = copy.digits(), !whole.isEmpty else { return nil }
        var fraction: ArraySlice<UInt8> = []
        if copy.take(".") {
            guard let digits = copy.digits(), !digits.isEmpty else { return nil }
            fraction = digits
        }
        guard whole.count + fraction.count <= Self.digitsMax else { return nil }
        // One division of two exact numbers gives what the same digits in source code give.
        let scale = fraction.reduce(1.0) { scale, _ in scale * 10 }
        let size = Double(Self.value(whole + fraction)) / scale
        self = copy
        return isNegative ? -size : size
    }

    /// Takes letters, digits, and `_`, `-`, `.`; nil when the first is no letter.
    mutating func name() -> String? {
        guard let first = rest.first, first.isLetter else { return nil }
        let name = rest.prefix { $0.isNamePart }
        rest.removeFirst(name.count)
        return String(decoding: name, as: UTF8.self)
    }

    /// Takes what stands between an opening bracket, which is next, and the last byte, its end.
    mutating func inside(_ opening: Unicode.Scalar, _ closing: Unicode.Scalar) -> Scanner? {
        guard rest.first == UInt8(ascii: opening),
            let end = rest.firstIndex(of: UInt8(ascii: closing))
        else { return nil }
        let inside = rest[rest.startIndex..<end].dropFirst()
        rest = rest[end...].dropFirst()
        return Scanner(inside)
    }

    /// The parts between commas.
    func parts() -> [Scanner] {
        rest.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map(Scanner.init)
    }

    /// Takes digits; nil when there are too many.
    private mutating func digits() -> ArraySlice<UInt8>? {
        let digits = rest.prefix { $0.isDigit }
        guard digits.count <= Self.digitsMax else { return nil }
        rest.removeFirst(digits.count)
        return digits
    }

    /// The value of at most 15 digits, which always fits.
    private static func value(_ digits: some Sequence<UInt8>) -> Int {
        digits.reduce(0) { $0 &* 10 &+ Int($1 &- UInt8(ascii: "0")) }
    }
}

extension StaticString {
    /// The bytes of the text.
    fileprivate var bytes: [UInt8] { withUTF8Buffer { unsafe Array($0) } }
}

extension UInt8 {
    /// Whether it is 0…9.
    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

    /// Whether it is a letter of ASCII.
    var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(lower) }

    /// The small letter of a capital one; anything else stays.
    var lower: UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self
    }

    /// Whether a name may have it after its first letter.
    var isNamePart: Bool {
        isLetter || isDigit || self == UInt8(ascii: "_") || self == UInt8(ascii: "-")
            || self == UInt8(ascii: ".")
    }
}
