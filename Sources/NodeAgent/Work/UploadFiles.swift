import FleetCore
import FoundationEssentials
import Glibc
import NIOCore
import WorkerContracts

extension AttemptFolders {
    private func uploads(_ key: AttemptKey) -> String { path(key) + "/uploads" }

    /// A new file for what a worker sends.
    func makeUpload(_ name: String, _ key: AttemptKey) async throws -> UploadFile {
        let folder = uploads(key)
        return try await Disk.run {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            return try UploadFile("\(folder)/\(name)")
        }
    }

    /// Puts what a worker has sent into a scratch folder, under the names of outputs.
    ///
    /// It stays where it was too: a crash before the end is noted must not lose it.
    func place(
        _ files: [UploadedFile], of key: AttemptKey, into scratch: String
    ) async throws {
        let folder = uploads(key)
        try await Disk.run {
            var room = OutputFiles.bytesMax
            for file in files {
                let source = "\(folder)/\(file.storedName)"
                var facts = stat()
                guard unsafe lstat(source, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
                    throw Failure(
                        .workFailed, "the worker's result names a file that it has not sent")
                }
                // One file may be named more than once.
                guard Int64(facts.st_size) <= room else { throw Failure.tooManyOutputs }
                room -= Int64(facts.st_size)
                let target = "\(scratch)/\(file.name)"
                guard unsafe link(source, target) == 0 else {
                    throw DurableFile.failure("cannot write \(target)")
                }
            }
        }
    }

    /// Deletes what a worker has sent; fine when there is nothing.
    func dropUploads(_ key: AttemptKey) async { await drop(uploads(key), of: key) }

    /// Deletes a folder of an attempt; fine when there is none.
    func drop(_ folder: String, of key: AttemptKey) async {
        let parent = path(key)
        try? await Disk.run {
            try Disk.remove(folder)
            // Gone only when nothing else is in it: an attempt that was forgotten leaves nothing.
            _ = unsafe rmdir(parent)
        }
    }
}

/// A file that is being written, closed when the last user lets go of it.
final class UploadFile: Sendable {
    /// Where it is.
    let path: String
    private let descriptor: Int32

    /// Takes over an open file.
    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    /// Makes a file that is not there yet.
    convenience init(_ path: String) throws(AgentError) {
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
