import Crypto
import FleetCore
import Foundation
import NIOCore
import ObjectStore
import RedisStore

/// The backups in the object store: `backups/NAME/` with an archive and its manifest.
struct BackupFolder: Sendable {
    let objects: any ObjectStore

    private static let prefix = "backups/"

    /// Puts an archive there, reads it back, and only then says that it is there.
    func put(_ path: String, _ manifest: BackupManifest) async throws {
        guard UInt64(clamping: manifest.size) <= objects.putBytesMax else {
            throw ArchiveError(
                "the backup has \(manifest.size) bytes, and the object store takes \(objects.putBytesMax) at most in a file"
            )
        }
        let key = try ObjectLayout.backup(name: manifest.name, file: BackupManifest.archiveFile)
        do {
            try await objects.put(
                key, .stream(FilePieces(path: path), length: manifest.size),
                contentType: "application/gzip")
            let found = try await digest(key)
            guard found == manifest.sha256 else {
                throw ArchiveError("the object store gives back another backup than it was given")
            }
            try await objects.put(
                try ObjectLayout.backup(name: manifest.name, file: BackupManifest.manifestFile),
                .bytes(try JSONAnswer.encode(manifest)), contentType: "application/json")
        } catch {
            try? await objects.delete(key)
            throw error
        }
    }

    private func digest(_ key: ObjectKey) async throws -> String {
        var sha = SHA256()
        for try await piece in try await objects.get(key, range: nil).body {
            sha.update(data: piece.readableBytesView)
        }
        return sha.finalize().hexadecimal
    }

    /// The latest manifests, latest first.
    func list(limit: Int) async throws -> [BackupManifest] {
        var found: [BackupManifest] = []
        for name in try await names(with: BackupManifest.manifestFile, limit: limit).reversed() {
            if let manifest = try await manifest(name) { found.append(manifest) }
        }
        return found
    }

    /// The latest names below which there is such a file, latest last.
    ///
    /// What somebody has put there under another name is none of ours.
    private func names(with file: String, limit: Int = .max) async throws -> [String] {
        var names: [String] = []
        for try await page in objects.pages(prefix: Self.prefix) {
            for object in page {
                let parts = object.key.components
                if parts.count == 3, parts[2] == file, BackupManifest.moment(of: parts[1]) != nil {
                    names.append(parts[1])
                }
            }
        }
        // Names rise with time; not every store lists in their order.
        return names.sorted().suffix(limit)
    }

    /// What is known of a backup; nil when there is none of that name.
    func manifest(_ name: String) async throws -> BackupManifest? {
        do {
            let key = try ObjectLayout.backup(name: name, file: BackupManifest.manifestFile)
            let body = try await objects.get(key, range: nil).body
                .collect(limit: BackupManifest.sizeLimit)
            let manifest = try JSONDecoder().decode(
                BackupManifest.self, from: Data(body.readableBytesView))
            return manifest.name == name ? manifest : nil
        } catch let error as ObjectStoreError where [.notFound, .invalidKey].contains(error.code) {
            return nil
        } catch is DecodingError {
            throw ArchiveError("the manifest of backup \(name) is damaged")
        }
    }

    /// The names of those that nobody has asked for, latest first.
    func automatic() async throws -> [String] {
        var found: [String] = []
        for name in try await names(with: BackupManifest.manifestFile).reversed() {
            do {
                if try await manifest(name)?.automatic == true { found.append(name) }
            } catch is ArchiveError {
                // Whose manifest is damaged, that may be anybody's.
            }
        }
        return found
    }

    /// The names from before a moment below which there is an archive alone.
    ///
    /// That is what a crash has left of a backup while it was made or deleted.
    func remains(before moment: Instant) async throws -> [String] {
        let archives = try await names(with: BackupManifest.archiveFile)
        let whole = Set(try await names(with: BackupManifest.manifestFile))
        return archives.filter { name in
            !whole.contains(name) && BackupManifest.moment(of: name).map { $0 < moment } ?? false
        }
    }

    /// Deletes one, the manifest first: an archive without one is no backup.
    func delete(_ name: String) async throws {
        for file in [BackupManifest.manifestFile, BackupManifest.archiveFile] {
            try await objects.delete(try ObjectLayout.backup(name: name, file: file))
        }
    }

    /// The archive of a backup.
    func archive(_ name: String) async throws -> StoredObject {
        try await objects.get(
            try ObjectLayout.backup(name: name, file: BackupManifest.archiveFile), range: nil)
    }

    /// Copies the archive of a backup to a file that is not there yet, and checks it.
    func fetch(_ manifest: BackupManifest, to path: String) async throws {
        guard
            FileManager.default.createFile(
                atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]),
            let file = FileHandle(forWritingAtPath: path)
        else { throw ArchiveError("cannot write \(path)") }
        var sha = SHA256()
        var size = 0
        for try await piece in try await archive(manifest.name).body {
            size += piece.readableBytes
            guard size <= manifest.size else { break }
            sha.update(data: piece.readableBytesView)
            try file.write(contentsOf: Data(piece.readableBytesView))
        }
        try file.close()
        guard size == manifest.size, sha.finalize().hexadecimal == manifest.sha256 else {
            throw ArchiveError("backup \(manifest.name) is damaged: its digest is another")
        }
    }
}

/// A file's bytes, piece by piece.
struct FilePieces: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    typealias Failure = any Error

    let path: String
    private static let piece = 256 << 10

    struct AsyncIterator: AsyncIteratorProtocol {
        let path: String
        var file: FileHandle?

        mutating func next() async throws -> ByteBuffer? {
            let file = try file ?? FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            self.file = file
            let piece = try file.read(upToCount: FilePieces.piece) ?? Data()
            return piece.isEmpty ? nil : ByteBuffer(bytes: piece)
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(path: path) }
}
