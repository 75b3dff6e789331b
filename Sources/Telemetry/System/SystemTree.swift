import Glibc

/// The files in which the kernel tells about the machine; tests give another root.
package struct SystemTree: Sendable, Hashable {
    /// The folder that stands for `/`, without a slash at its end.
    private let root: String

    /// The largest part of a file that is read, in bytes: /proc/stat of a large machine fits.
    private static let bytesMax = 64 << 10
    /// The most entries of a folder that are looked at.
    private static let entriesMax = 512

    /// Takes a folder for `/`.
    package init(root: String = "/") {
        self.root = root.hasSuffix("/") ? String(root.dropLast()) : root
    }

    /// A path within the tree as the system knows it.
    func path(_ path: String) -> String { root + path }

    /// Whether there is a program.
    func hasProgram(_ path: String) -> Bool { unsafe access(self.path(path), X_OK) == 0 }

    /// The start of a file; nil when it cannot be read, as that of a sensor without power.
    func text(_ path: String) -> String? {
        let file = unsafe open(self.path(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        while bytes.count < Self.bytesMax {
            var count = 0
            let room = min(4096, Self.bytesMax - bytes.count)
            let piece = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, used in
                count = unsafe read(file, buffer.baseAddress, buffer.count)
                used = max(0, min(count, buffer.count))
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            guard count > 0 else { break }
            bytes += piece
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A file's one line without spaces around it; nil when it is empty or cannot be read.
    func line(_ path: String) -> String? {
        guard let line = text(path)?.split(separator: "\n").first else { return nil }
        let words = line.split(omittingEmptySubsequences: true) { $0 == " " || $0 == "\t" }
        return words.isEmpty ? nil : words.joined(separator: " ")
    }

    /// A file's one whole number.
    func number(_ path: String) -> Int64? { line(path).flatMap { Int64($0) } }

    /// The names in a folder in their order; none when it cannot be read.
    func names(_ path: String) -> [String] {
        guard let folder = unsafe opendir(self.path(path)) else { return [] }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while names.count < Self.entriesMax, let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
