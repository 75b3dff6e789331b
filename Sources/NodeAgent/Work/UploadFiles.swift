import FleetCore
import Glibc
import WorkerContracts

extension AttemptFolders {
    private func uploads(_ key: AttemptKey) -> String { path(key) + "/uploads" }

    /// A new file for what a worker sends.
    func makeUpload(_ name: String, _ key: AttemptKey) async throws -> AttemptFile {
        let folder = uploads(key)
        return try await Disk.run { try AttemptFile(name, in: folder) }
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
                guard let size = Disk.fileSize(source).map({ Int64(clamping: $0) }) else {
                    throw Failure(
                        .workFailed, "the worker's result names a file that it has not sent")
                }
                // One file may be named more than once.
                guard size <= room else { throw Failure.tooManyOutputs }
                room -= size
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
