/// The 512-byte blocks a tar archive is made of.
enum TarBlock {
    static let size = 512

    /// Bytes between the end of `length` bytes of content and the next block.
    static func padding(_ length: Int) -> Int { (size - length % size) % size }
}

/// What one entry of an archive is.
enum TarEntryKind: Sendable, Hashable {
    case file
    case directory
    case symbolicLink
    case hardLink
    case device
    case fifo
    /// A sparse file or a kind this reader does not know.
    case other(UInt8)
}

/// One header block, taken apart but not judged.
struct TarHeader: Sendable, Hashable {
    var name: String
    var size: Int
    var typeflag: UInt8

    /// Reads a block, checking its sum.
    ///
    /// - Throws: `.archiveRejected`.
    init(block: [UInt8]) throws(DockerError) {
        guard block.count == TarBlock.size else { throw Self.damaged("a short header") }
        let stored = try Self.number(block[148..<156])
        var sum = 0
        for (index, byte) in block.enumerated() {
            sum += (148..<156).contains(index) ? 0x20 : Int(byte)
        }
        guard stored == sum else { throw Self.damaged("a header with a wrong checksum") }

        var name = try Self.text(block[0..<100])
        // Only POSIX ustar has a prefix there; GNU's format keeps times in its place.
        if Array(block[257..<263]) == Array("ustar\0".utf8) {
            let prefix = try Self.text(block[345..<500])
            if !prefix.isEmpty { name = prefix + "/" + name }
        }
        self.name = name
        self.size = try Self.number(block[124..<136])
        self.typeflag = block[156]
    }

    var kind: TarEntryKind {
        switch typeflag {
        // Before ustar, a folder was a file whose name ends with a slash.
        case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
            name.utf8.last == UInt8(ascii: "/") ? .directory : .file
        case UInt8(ascii: "1"): .hardLink
        case UInt8(ascii: "2"): .symbolicLink
        case UInt8(ascii: "3"), UInt8(ascii: "4"): .device
        case UInt8(ascii: "5"): .directory
        case UInt8(ascii: "6"): .fifo
        default: .other(typeflag)
        }
    }

    /// The text up to the first zero byte; must be UTF-8.
    static func text(_ field: ArraySlice<UInt8>) throws(DockerError) -> String {
        guard let text = String(validating: field.prefix { $0 != 0 }, as: UTF8.self) else {
            throw damaged("a name that is not UTF-8")
        }
        return text
    }

    /// An octal number, or a big-endian binary one when the first bit is set.
    static func number(_ field: ArraySlice<UInt8>) throws(DockerError) -> Int {
        guard let first = field.first else { throw damaged("an empty number") }
        if first & 0x80 != 0 {
            var value = Int(first & 0x3f)
            // The second bit is the sign; nothing here can be negative.
            guard first & 0x40 == 0 else { throw damaged("a negative number") }
            for byte in field.dropFirst() {
                guard value <= Int.max >> 8 else { throw damaged("a number out of range") }
                value = value << 8 | Int(byte)
            }
            return value
        }
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0 }
        let digits = field.drop(while: isBlank).prefix { !isBlank($0) }
        let rest = field[digits.endIndex...]
        guard rest.allSatisfy(isBlank) else { throw damaged("a number with something after it") }
        var value = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(digit), value <= Int.max >> 3
            else { throw damaged("a number that is not octal") }
            value = value << 3 | Int(digit - UInt8(ascii: "0"))
        }
        return value
    }

    static func damaged(_ what: String) -> DockerError {
        DockerError(.archiveRejected, "the archive has \(what)")
    }
}
