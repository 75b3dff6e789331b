import CZlib
import Foundation

/// Files as a `.tar.gz`, made in memory.
struct TarGz {
    private var bytes: [UInt8] = []
    private let modified: Int

    private static let block = 512
    /// The largest archive, in bytes before it is compressed: zlib takes less than 4 GiB at once.
    static let bytesMax = 1 << 30

    /// Creates an archive whose files were all made at a moment.
    init(modified: Date) {
        self.modified = Int(max(0, min(modified.timeIntervalSince1970, 8_000_000_000)))
    }

    /// Whether a file of so many bytes still fits.
    func hasRoom(for count: Int) -> Bool { bytes.count + count + 4 * Self.block <= Self.bytesMax }

    /// Adds a file that only its owner may read; its path has at most 100 bytes.
    mutating func add(_ path: String, _ content: Data) {
        precondition(path.utf8.count <= 100 && hasRoom(for: content.count))
        var header = [UInt8](repeating: 0, count: Self.block)
        func put(_ text: String, at offset: Int) {
            for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte }
        }
        func octal(_ value: Int, digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        put(path, at: 0)
        put(octal(0o600, digits: 7), at: 100)
        put(octal(0, digits: 7), at: 108)
        put(octal(0, digits: 7), at: 116)
        put(octal(content.count, digits: 11), at: 124)
        put(octal(modified, digits: 11), at: 136)
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar", at: 257)
        put("00", at: 263)
        // The sum is of the header with spaces in the sum's own place.
        let sum = header.reduce(0) { $0 + Int($1) }
        put(octal(sum, digits: 6) + "\0 ", at: 148)
        bytes += header
        bytes += content
        bytes += [UInt8](
            repeating: 0, count: (Self.block - content.count % Self.block) % Self.block)
    }

    /// The whole archive, compressed.
    consuming func finish() throws(CommandError) -> Data {
        bytes += [UInt8](repeating: 0, count: 2 * Self.block)
        var packed = [UInt8](repeating: 0, count: jessica_gzip_bound(bytes.count))
        let source = bytes
        let count = unsafe source.withUnsafeBufferPointer { from in
            unsafe packed.withUnsafeMutableBufferPointer { to in
                unsafe jessica_gzip(from.baseAddress, from.count, to.baseAddress, to.count)
            }
        }
        guard count > 0 else { throw CommandError(.failed, "cannot compress the bundle") }
        return Data(packed.prefix(count))
    }
}
