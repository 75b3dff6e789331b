import FoundationEssentials
import Glibc
import NIOCore

/// A file of an attempt that is being written, closed when the last user lets go of it.
final class AttemptFile: Sendable {
    /// Where it is.
    let path: String
    private let descriptor: Int32

    /// Takes over an open file.
    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    /// Makes a file that is not there yet, and its folder; it blocks.
    convenience init(_ name: String, in folder: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        let path = "\(folder)/\(name)"
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let file = unsafe open(path, flags, 0o600)
        guard file >= 0 else { throw DurableFile.failure("cannot write \(path)") }
        self.init(path: path, descriptor: file)
    }

    deinit { close(descriptor) }

    /// Adds bytes at the end; it blocks.
    ///
    /// Nothing is made to survive a power cut: the worker would not survive it either, and what
    /// becomes an output is made durable then.
    func write(_ bytes: ByteBuffer) throws(AgentError) {
        var left = bytes
        while left.readableBytes > 0 {
            let file = descriptor
            let count = unsafe left.withUnsafeReadableBytes {
                unsafe Glibc.write(file, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw DurableFile.failure("cannot write \(path)") }
            left.moveReaderIndex(forwardBy: count)
        }
    }
}
