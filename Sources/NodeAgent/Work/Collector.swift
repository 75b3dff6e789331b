import DockerEngine
import FleetCore
import FoundationEssentials
import WorkerContracts

/// Takes the outputs out of an attempt's own container.
struct Collector: Sendable {
    let engine: DockerEngine
    let folders: AttemptFolders

    /// Entries of an archive, folders among them.
    private static let entriesMax = 4_096

    /// Nil when the outputs are in the attempt's folder.
    func collect(_ key: AttemptKey, container: String) async -> Failure? {
        do {
            try await Patience.wait { try await take(key, container) }
            return nil
        } catch let failure as Failure {
            return failure
        } catch let error as DockerError where error.code == .tooLarge {
            return Failure(
                .workFailed,
                "the outputs are too many: at most \(OutputFiles.filesMax) files of "
                    + "\(OutputFiles.bytesMax >> 30) GiB in all are taken")
        } catch {
            return Failure(docker: error, otherwise: .resultLost)
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
        let limits = ExtractionLimits(
            maxBytes: OutputFiles.bytesMax, maxFiles: Self.entriesMax)
        do {
            return try await engine.extractArchive(
                container, path: ExecContract.outputsPath, intoDirectory: folder, limits: limits
            ).files.map(\.path)
        } catch let error as DockerError where error.code == .notFound {
            // The command may have removed the folder; that is no output. Its container must be there.
            guard try await engine.inspect(container) != nil else {
                throw Failure(.resultLost, "the container is gone, and its outputs with it")
            }
            return []
        }
    }

    /// Copies files a worker left in its container into a scratch folder.
    func copy(_ files: [ContainerFile], container: String, into scratch: String) async throws {
        var room = OutputFiles.bytesMax
        for file in files {
            let folder = "\(scratch).file"
            try await Disk.run {
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: false)
            }
            let found = try await engine.extractArchive(
                container, path: file.path, intoDirectory: folder,
                limits: ExtractionLimits(maxBytes: room, maxFiles: 1))
            guard let first = found.files.first else {
                throw Failure(.workFailed, "the worker left no file at \(file.path)")
            }
            room -= found.totalBytes
            try await Disk.run {
                try FileManager.default.moveItem(
                    atPath: "\(folder)/\(first.path)", toPath: "\(scratch)/\(file.name)")
                try Disk.remove(folder)
            }
        }
    }
}
