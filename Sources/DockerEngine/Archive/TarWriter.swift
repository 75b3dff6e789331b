import NIOCore

/// Builds a tar archive in memory: ustar, with pax headers for long names.
struct TarWriter {
    private var bytes = ByteBuffer()

    /// Adds an entry.
    ///
    /// - Throws: `.invalidArgument` for a path that is not absolute and plain.
    mutating func add(_ entry: ArchiveEntry) throws(DockerError) {
        var name = try Self.relative(entry.path)
        let content: ByteBuffer
        let typeflag: UInt8
        switch entry.content {
        case .file(let buffer):
            content = buffer
            typeflag = UInt8(ascii: "0")
        case .directory:
            content = ByteBuffer()
            typeflag = UInt8(ascii: "5")
            name += "/"
        }
        if name.utf8.count > 100 {
            let record = PaxRecords.record("path", name)
            header(
                "././@PaxHeader", size: record.count, typeflag: UInt8(ascii: "x"), mode: 0o644,
                user: 0, group: 0, modified: 0)
            body(ByteBuffer(bytes: record))
        }
        header(
            name, size: content.readableBytes, typeflag: typeflag, mode: entry.mode & 0o7777,
            user: entry.user, group: entry.group, modified: max(0, entry.modified))
        body(content)
    }

    /// Ends the archive.
    consuming func finish() -> ByteBuffer {
        bytes.writeRepeatingByte(0, count: 2 * TarBlock.size)
        return bytes
    }

    private mutating func body(_ content: ByteBuffer) {
        bytes.writeImmutableBuffer(content)
        bytes.writeRepeatingByte(0, count: TarBlock.padding(content.readableBytes))
    }

    private mutating func header(
        _ name: String, size: Int, typeflag: UInt8, mode: UInt16, user: UInt32, group: UInt32,
        modified: Int64
    ) {
        var block = [UInt8](repeating: 0, count: TarBlock.size)
        func put(_ text: some Sequence<UInt8>, at offset: Int) {
            for (index, byte) in text.enumerated() { block[offset + index] = byte }
        }
        put(name.utf8.prefix(100), at: 0)
        put(Self.number(Int64(mode), width: 8), at: 100)
        put(Self.number(Int64(user), width: 8), at: 108)
        put(Self.number(Int64(group), width: 8), at: 116)
        put(Self.number(Int64(size), width: 12), at: 124)
        put(Self.number(modified, width: 12), at: 136)
        put(Array("        ".utf8), at: 148)
        block[156] = typeflag
        put(Array("ustar\0".utf8), at: 257)
        put(Array("00".utf8), at: 263)
        let sum = block.reduce(0) { $0 + Int($1) }
        put(Self.number(Int64(sum), width: 7), at: 148)
        bytes.writeBytes(block)
    }

    /// Octal with leading zeros, or binary where octal has no room.
    private static func number(_ value: Int64, width: Int) -> [UInt8] {
        let digits = Array(String(value, radix: 8).utf8)
        if digits.count < width {
            return Array(repeating: UInt8(ascii: "0"), count: width - 1 - digits.count) + digits + [
                0
            ]
        }
        var field = [UInt8](repeating: 0, count: width)
        var rest = value
        for index in stride(from: width - 1, to: 0, by: -1) {
            field[index] = UInt8(truncatingIfNeeded: rest)
            rest >>= 8
        }
        field[0] = 0x80
        return field
    }

    /// The path without its leading slash, if it is absolute and plain.
    private static func relative(_ path: String) throws(DockerError) -> String {
        let parts = path.pathParts
        guard path.utf8.count <= 4096, !path.utf8.contains(0), parts.count > 1,
            parts.first == "",
            parts.dropFirst().allSatisfy({ !["", ".", ".."].contains($0) && $0.utf8.count <= 255 })
        else {
            throw DockerError(.invalidArgument, "not a plain absolute path: \(path.prefix(200))")
        }
        return parts.dropFirst().joined(separator: "/")
    }
}
