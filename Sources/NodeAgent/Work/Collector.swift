import DockerEngine
import FleetCore
import FoundationEssentials
import WorkerContracts

/// Takes the outputs out of an attempt's own container.
struct Collector: Sendable {
    let engine: DockerEngine
    let folders: AttemptFolders
    /// The most bytes of all files of one attempt.
    var bytesMax = OutputFiles.bytesMax

    /// Entries of an archive, folders among them.
    private static let entriesMax = 4_096

    /// Nil when the outputs are in the attempt's folder.
    func collect(_ key: AttemptKey, container: String) async -> Failure? {
        do {
            // What is done waits for Docker for as long as anybody wants it.
            try await Patience.wait(mustKnow: { true }) { try await take(key, container) }
            return nil
        } catch {
            return Failure(keeping: error)
        }
    }

    private func take(_ key: AttemptKey, _ container: String) async throws {
        let raw = try await folders.makeScratch(key)
        let flat = try await folders.makeScratch(key)
        do {
            let paths = try await extract(container, into: raw)
            guard paths.count <= OutputFiles.filesMax else {
                throw Failure(
                    .workFailed,
                    "\(paths.count) files were left; at most \(OutputFiles.filesMax) are taken")
            }
            let names = OutputFiles.flatten(paths)
            try await Disk.run {
                for (path, name) in zip(paths, names) {
                    try FileManager.default.moveItem(
                        atPath: "\(raw)/\(path)", toPath: "\(flat)/\(name)")
                }
            }
            try await folders.publish(flat, key)
        } catch {
            await folders.discard(raw)
            await folders.discard(flat)
            throw error
        }
        await folders.discard(raw)
    }

    /// The paths of the files that were left, sorted.
    private func extract(_ container: String, into folder: String) async throws -> [String] {
        let limits = ExtractionLimits(maxBytes: bytesMax, maxFiles: Self.entriesMax)
        do {
            return try await archive(container, ExecContract.outputsPath, into: folder, limits)
                .files.map(\.path)
        } catch let error as DockerError where error.code == .notFound {
            // The command may have removed the folder; that is no output. Its container must be there.
            try await expect(container)
            return []
        }
    }

    /// Copies files a worker left in its container into a scratch folder.
    func copy(_ files: [ContainerFile], container: String, into scratch: String) async throws {
        var room = bytesMax
        for file in files {
            let folder = "\(scratch).file"
            let limits = ExtractionLimits(maxBytes: room, maxFiles: 1)
            let found = try await Patience.wait {
                try await Disk.run {
                    try Disk.remove(folder)
                    try FileManager.default.createDirectory(
                        atPath: folder, withIntermediateDirectories: false)
                }
                return try await extract(file, container, into: folder, limits)
            }
            guard let first = found?.files.first, let bytes = found?.totalBytes else {
                throw Failure(.workFailed, "the worker left no file at \(file.path)")
            }
            room -= bytes
            try await Disk.run {
                try FileManager.default.moveItem(
                    atPath: "\(folder)/\(first.path)", toPath: "\(scratch)/\(file.name)")
                try Disk.remove(folder)
            }
        }
    }

    /// What was at the path of a file; nil when there was nothing.
    private func extract(
        _ file: ContainerFile, _ container: String, into folder: String, _ limits: ExtractionLimits
    ) async throws -> ExtractedArchive? {
        do {
            return try await archive(container, file.path, into: folder, limits)
        } catch let error as DockerError where error.code == .notFound {
            try await expect(container)
            return nil
        }
    }

    /// What is at a path in a container; a daemon that stops in the middle is waited for like one that hangs.
    private func archive(
        _ container: String, _ path: String, into folder: String, _ limits: ExtractionLimits
    ) async throws -> ExtractedArchive {
        do {
            return try await engine.extractArchive(
                container, path: path, intoDirectory: folder, limits: limits)
        } catch let error as DockerError where error.code == .stalled {
            throw DockerError(.timedOut, error.message)
        }
    }

    /// Throws when a container is gone in which something was not found.
    private func expect(_ container: String) async throws {
        guard try await engine.inspect(container) != nil else {
            throw Failure(.resultLost, "the container is gone, and its outputs with it")
        }
    }
}
