import AsyncHTTPClient
package import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

extension DockerEngine {
    /// The most bytes that are put into a container at once: the archive is built in memory.
    private static let putBytesMax = 512 * 1024 * 1024
    /// The longest silence while an archive is read.
    private static let archiveSilenceMax = Duration.seconds(120)

    /// Puts one file into a container, running or not.
    ///
    /// What is mounted over the path hides the file: put files below a mounted folder on the host.
    ///
    /// - Throws: `.notFound`, or `.conflict` when the container's root folder is read-only.
    package func putFile(
        _ id: String, path: String, _ bytes: ByteBuffer, mode: UInt16 = 0o644
    ) async throws {
        try await putFiles(id, [.file(path, bytes, mode: mode)])
    }

    /// Puts files and folders into a container, running or not; see ``putFile(_:path:_:mode:)``.
    ///
    /// - Parameters:
    ///   - id: The container's id or name.
    ///   - entries: What to put, with paths below the folder: `/a` is put at `FOLDER/a`.
    ///   - folder: A folder of the container. Where its root folder is read-only it must be one of its
    ///     volumes, or in one.
    /// - Throws: `.tooLarge` for more than 512 MiB.
    package func putFiles(
        _ id: String, _ entries: [ArchiveEntry], below folder: String = "/"
    ) async throws {
        try Names.check(id, "container id")
        var writer = TarWriter()
        var total = 0
        for entry in entries {
            if case .file(let bytes) = entry.content { total += bytes.readableBytes }
            guard total <= Self.putBytesMax else {
                throw DockerError(.tooLarge, "more than \(Self.putBytesMax) bytes to put")
            }
            try writer.add(entry)
        }
        var call = Call(
            .PUT, ["containers", id, "archive"],
            query: [("path", folder), ("noOverwriteDirNonDir", "1")])
        call.body = writer.finish()
        call.headers.append(("Content-Type", "application/x-tar"))
        do {
            _ = try await send(call)
        } catch var error as DockerError where error.message.contains("marked read-only") {
            // The status is 500 or 403, depending on the version.
            error.code = .conflict
            throw error
        }
    }

    /// Reads a file or folder of a container as a tar archive, running or not.
    ///
    /// Gives up after two minutes without a byte, but takes as long as it takes.
    ///
    /// - Parameters:
    ///   - id: The container's id or name.
    ///   - path: The absolute path in the container.
    ///   - handler: Called with piece after piece, in order; reading waits for it.
    /// - Throws: `.notFound` when there is no such container or path, or what the handler throws.
    package func getArchive(
        _ id: String, path: String,
        _ handler: @escaping @Sendable (ByteBuffer) async throws -> Void
    ) async throws {
        try Names.check(id, "container id")
        let call = Call(.GET, ["containers", id, "archive"], query: [("path", path)])
        try await withStallWatch(limit: Self.archiveSilenceMax, "reading \(path)") { activity in
            let response = try await self.open(call)
            var chunks = response.body.makeAsyncIterator()
            while true {
                let chunk: ByteBuffer?
                do {
                    chunk = try await chunks.next()
                } catch {
                    throw self.transportFailure(error)
                }
                guard let chunk else { break }
                try await handler(chunk)
                activity.touch()
            }
            try Task.checkCancellation()
        }
    }

    /// Writes a folder of a container into a folder here, trusting nothing in it.
    ///
    /// The container's folder becomes the destination: `/job/outputs/a.png` is written as `a.png`.
    /// Only files and folders are written; links, devices and the like are left out and
    /// reported. On a failure what was written so far stays: remove the destination.
    ///
    /// - Parameters:
    ///   - id: The container's id or name.
    ///   - path: The absolute path of the container's folder (or file).
    ///   - directory: An existing folder, best an empty one of our own.
    ///   - limits: What may be written.
    /// - Returns: What was written.
    /// - Throws: `.notFound`, `.tooLarge`, `.archiveRejected` for a hostile or damaged archive,
    ///   `.noSpace`, `.stalled`.
    package func extractArchive(
        _ id: String, path: String, intoDirectory directory: String, limits: ExtractionLimits
    ) async throws -> ExtractedArchive {
        let root = path.pathParts.last { !$0.isEmpty } ?? ""
        let extraction = Extraction(
            try ArchiveExtractor(into: directory, root: root, limits: limits))
        try await getArchive(id, path: path) { chunk in
            // Disks block; the pool's threads may.
            try await NIOThreadPool.singleton.runIfActive {
                try extraction.extractor.withLock { try $0.consume(chunk) }
            }
        }
        return try extraction.extractor.withLock { try $0.finish() }
    }
}

/// Carries an extractor from thread to thread; only one uses it at a time.
private final class Extraction: Sendable {
    let extractor: Mutex<ArchiveExtractor>

    init(_ extractor: consuming sending ArchiveExtractor) {
        self.extractor = Mutex(extractor)
    }
}
