extension String {
    /// The text as one segment of a path, or as a value of a header: all but RFC 3986's unreserved
    /// characters is percent-encoded.
    var percentEncoded: String {
        var encoded = ""
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                encoded += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
        return encoded
    }

    /// A `Content-Disposition` (RFC 6266) that saves a body as a file of this name.
    ///
    /// A name that is not plain is there twice: for clients that know no `filename*`, `_` stands for what
    /// a quoted text has not.
    var asAttachment: String {
        let isPlain = { (scalar: Unicode.Scalar) in
            (0x20..<0x7f).contains(scalar.value) && !"\"\\%".unicodeScalars.contains(scalar)
        }
        var plain = UnicodeScalarView()
        for scalar in unicodeScalars { plain.append(isPlain(scalar) ? scalar : "_") }
        let text = "attachment; filename=\"\(String(plain))\""
        if unicodeScalars.allSatisfy(isPlain) { return text }
        return text + "; filename*=UTF-8''\(percentEncoded)"
    }
}
