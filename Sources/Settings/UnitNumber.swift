/// A decimal number followed by a unit, as found in `2h30m` and `1.5GB`.
struct UnitNumber {
    /// The digits before the point.
    let whole: Int64
    /// The digits after the point, as a number below `scale`.
    let fraction: Int64
    /// Ten to the count of digits after the point.
    let scale: Int64
    /// The letters after the number.
    let unit: String

    /// The longest text looked at, in bytes.
    static let lengthLimit = 64

    /// Splits text such as `2h30m` into its numbers and units.
    static func split(_ text: String, example: String) throws(TextProblem) -> [UnitNumber] {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty else { throw TextProblem("is empty, must be like \(example)") }
        guard bytes.count <= lengthLimit else { throw TextProblem("is too long") }
        guard bytes.first != UInt8(ascii: "-") else {
            throw TextProblem("must not be negative, is \(Shown.quoted(text))")
        }
        var rest = bytes[...]
        var parts: [UnitNumber] = []
        while !rest.isEmpty {
            parts.append(try take(&rest, text: text, example: example))
        }
        return parts
    }

    private static func take(
        _ rest: inout ArraySlice<UInt8>, text: String, example: String
    ) throws(TextProblem) -> UnitNumber {
        let wholeDigits = takeDigits(&rest)
        var fractionDigits: ArraySlice<UInt8> = []
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            fractionDigits = takeDigits(&rest)
            guard !fractionDigits.isEmpty, fractionDigits.count <= 9 else {
                throw TextProblem("must be like \(example), not \(Shown.quoted(text))")
            }
        }
        guard !wholeDigits.isEmpty else {
            throw TextProblem("must be like \(example), not \(Shown.quoted(text))")
        }
        let letters = rest.prefix { !isDigit($0) && $0 != UInt8(ascii: ".") }
        rest = rest.dropFirst(letters.count)
        let unit = String(decoding: letters, as: UTF8.self)
        guard !unit.isEmpty else {
            throw TextProblem("needs a unit, like \(example), not \(Shown.quoted(text))")
        }
        guard let whole = number(wholeDigits), let fraction = number(fractionDigits) else {
            throw TextProblem("is too large: \(Shown.quoted(text))")
        }
        let scale = fractionDigits.reduce(Int64(1)) { value, _ in value * 10 }
        return UnitNumber(whole: whole, fraction: fraction, scale: scale, unit: unit)
    }

    /// The number times `size`, rounded down; nil when it does not fit.
    func times(_ size: Int64) -> Int64? {
        let (whole, overflow) = self.whole.multipliedReportingOverflow(by: size)
        guard !overflow else { return nil }
        // The fraction is below the scale, so the quotient is below `size` and always fits.
        let product = fraction.multipliedFullWidth(by: size)
        let part = scale.dividingFullWidth(product).quotient
        let (sum, tooMuch) = whole.addingReportingOverflow(part)
        return tooMuch ? nil : sum
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func takeDigits(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let digits = rest.prefix(while: isDigit)
        rest = rest.dropFirst(digits.count)
        return digits
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        digits.isEmpty ? 0 : Int64(String(decoding: digits, as: UTF8.self))
    }
}
