import FleetCore
import FoundationEssentials
import Glibc
import Logging
import NIOCore
import NIOPosix
import WorkerContracts

/// What the node keeps of attempts: a folder each, with the outputs and how the work ended.
///
///     attempts/JOB-1/outputs/…   the outputs, there at once or not at all
///     attempts/JOB-1/uploads/…   what a cog worker has sent of them, until its work has ended
///     attempts/JOB-1/inputs/…    large files of its input, for its work to fetch
///     attempts/JOB-1/ending      how a worker's work ended, once that is safe here
///     attempts/JOB-1/log         how far a long log of a container was sent
struct AttemptFolders: Sendable {
    /// The folder of all.
    let root: String

    /// How a worker's work ended, kept until the attempt is forgotten.
    enum Ending: Hashable, Sendable, Codable {
        case succeeded
        case failed(Failure)
        case cancelled

        var event: PredictionEnd {
            switch self {
            case .succeeded: .succeeded
            case .failed(let failure): .failed(failure)
            case .cancelled: .cancelled
            }
        }
    }

    /// The folder of one attempt.
    func path(_ key: AttemptKey) -> String { "\(root)/\(NodeLabels.plain(key))" }
    /// Its outputs.
    func outputs(_ key: AttemptKey) -> String { path(key) + "/outputs" }
    private func ending(_ key: AttemptKey) -> String { path(key) + "/ending" }
    private func log(_ key: AttemptKey) -> String { path(key) + "/log" }

    /// A new empty folder beside the outputs, to be filled and then put in their place.
    func makeScratch(_ key: AttemptKey) async throws -> String {
        let scratch = path(key) + "/scratch-\(UInt64.random(in: 0 ... .max))"
        try await Disk.run {
            try FileManager.default.createDirectory(
                atPath: scratch, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        }
        return scratch
    }

    /// Writes files into a scratch folder.
    func write(_ files: [NamedOutput], into scratch: String) async throws {
        try await Disk.run {
            for file in files {
                try DurableFile.write([UInt8](buffer: file.bytes), to: "\(scratch)/\(file.name)")
            }
        }
    }

    /// Puts a filled scratch folder in the outputs' place, durably.
    func publish(_ scratch: String, _ key: AttemptKey) async throws {
        let target = outputs(key)
        try await Disk.run {
            for name in try FileManager.default.contentsOfDirectory(atPath: scratch).sorted() {
                try DurableFile.syncFile("\(scratch)/\(name)")
            }
            try DurableFile.syncFolder(scratch)
            try Disk.remove(target)
            guard unsafe rename(scratch, target) == 0 else {
                throw DurableFile.failure("cannot write \(target)")
            }
            try DurableFile.syncFolder(DurableFile.parent(target))
            try DurableFile.syncFolder(DurableFile.parent(DurableFile.parent(target)))
        }
    }

    /// Deletes a scratch folder that is not wanted any more.
    func discard(_ scratch: String) async {
        try? await Disk.run { try Disk.remove(scratch) }
    }

    /// Makes an end safe here, a success together with its outputs; how it has ended for good.
    ///
    /// `fill` puts the outputs into the scratch folder it is given. An end that is safe already stands: a worker
    /// that has not heard so tells of it again, when what it was made from is gone.
    func settle(
        _ ending: Ending, _ key: AttemptKey, _ logger: Logger,
        fill: (String) async throws -> Void
    ) async -> Ending {
        if let known = await self.ending(of: key) { return known }
        var ending = ending
        if ending == .succeeded {
            do {
                try await keepOutputs(key, fill)
            } catch {
                ending = .failed(Failure(keeping: error))
            }
        }
        do {
            try await note(ending, key)
        } catch {
            logger.error(
                "end of an attempt cannot be noted",
                metadata: ["attempt": "\(key)", "error": "\(error)"])
        }
        return ending
    }

    private func keepOutputs(
        _ key: AttemptKey, _ fill: (String) async throws -> Void
    ) async throws {
        let scratch = try await makeScratch(key)
        do {
            try await fill(scratch)
            try await publish(scratch, key)
        } catch {
            await discard(scratch)
            throw error
        }
    }

    /// Notes how a worker's work ended, durably.
    func note(_ end: Ending, _ key: AttemptKey) async throws {
        try await write(end, to: ending(key))
    }

    /// How a worker's work ended, if that was noted.
    func ending(of key: AttemptKey) async -> Ending? { await read(ending(key)) }

    /// Notes how far a log was sent; when that fails, more of it is sent twice.
    func noteLog(_ mark: LogMark, _ key: AttemptKey) async {
        try? await write(mark, to: log(key))
    }

    /// How far a log was sent by a former life of the agent.
    func logMark(of key: AttemptKey) async -> LogMark? { await read(log(key)) }

    private func write(_ value: some Encodable & Sendable, to path: String) async throws {
        try await Disk.run {
            try FileManager.default.createDirectory(
                atPath: DurableFile.parent(path), withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            try DurableFile.write([UInt8](try JSONEncoder().encode(value)), to: path)
        }
    }

    /// What was written there; nil when there is nothing, or it is damaged.
    private func read<Value: Decodable & Sendable>(_ path: String) async -> Value? {
        try? await Disk.run {
            guard let bytes = try DurableFile.read(path) else { return nil }
            return try JSONDecoder().decode(Value.self, from: Data(bytes))
        }
    }

    /// A file to be stored.
    struct File: Hashable, Sendable {
        let name: String
        let path: String
        let size: UInt64
    }

    /// The outputs, sorted by name; none when there is no folder.
    func list(_ key: AttemptKey) async throws -> [File] {
        let folder = outputs(key)
        return try await Disk.run {
            guard FileManager.default.fileExists(atPath: folder) else { return [] }
            return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
                .compactMap { name in
                    let path = "\(folder)/\(name)"
                    return Disk.fileSize(path).map { File(name: name, path: path, size: $0) }
                }
        }
    }

    /// Deletes all that is kept of an attempt.
    func forget(_ key: AttemptKey) async {
        let path = path(key)
        try? await Disk.run { try Disk.remove(path) }
    }

    /// Deletes what is kept of all other attempts; a line for each that could not be.
    func removeAll(except known: Set<String>) async -> [String] {
        let root = root
        do {
            return try await Disk.run {
                var left: [String] = []
                for name in try FileManager.default.contentsOfDirectory(atPath: root).sorted()
                where !known.contains(name) {
                    do {
                        try Disk.remove("\(root)/\(name)")
                    } catch {
                        left.append("files of \(name): \(error)")
                    }
                }
                return left
            }
        } catch {
            return ["files of attempts: \(error)"]
        }
    }
}

/// Work on the disk, off the threads of tasks.
enum Disk {
    /// Runs a body that blocks.
    static func run<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await NIOThreadPool.singleton.runIfActive(body)
    }

    /// The bytes of a file; nil when there is none, or a folder, a link or something else.
    static func fileSize(_ path: String) -> UInt64? {
        var facts = stat()
        guard unsafe lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            return nil
        }
        return UInt64(max(0, facts.st_size))
    }

    /// Deletes a file or a folder with all in it; fine when there is none.
    static func remove(_ path: String) throws {
        var facts = stat()
        guard unsafe lstat(path, &facts) == 0 else { return }
        try FileManager.default.removeItem(atPath: path)
    }
}
