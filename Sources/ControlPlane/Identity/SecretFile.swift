import Foundation
import Glibc

/// Files only their owner may read, written whole or not at all.
package enum SecretFile {
    /// Makes a folder for its owner only.
    package static func makeDirectory(_ path: String) throws {
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
    }

    /// The text of a file; nil when there is none.
    package static func read(_ path: String) throws -> String? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        guard data.count <= 1 << 20, let text = String(data: data, encoding: .utf8) else {
            throw IdentityError("\(path) is not a text file of at most 1 MiB")
        }
        return text
    }

    /// Writes a file in place of any that was there.
    package static func write(_ text: String, to path: String) throws {
        let temporary = "\(path).\(getpid()).new"
        let file = unsafe open(
            temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw IdentityError("cannot write \(temporary): \(reason())") }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(file, $0.baseAddress, $0.count)
            }
            if count < 0 {
                let why = reason()
                close(file)
                _ = unsafe unlink(temporary)
                throw IdentityError("cannot write \(temporary): \(why)")
            }
            bytes = bytes.dropFirst(count)
        }
        let synced = fsync(file)
        close(file)
        guard synced == 0, unsafe rename(temporary, path) == 0 else {
            let why = reason()
            _ = unsafe unlink(temporary)
            throw IdentityError("cannot write \(path): \(why)")
        }
    }

    private static func reason() -> String { unsafe String(cString: strerror(errno)) }
}
