import Foundation
import HTTPTypes
import Hummingbird
import ObjectStore
import RedisStore

extension APIServer {
    /// How long a request waits for the backup it has asked for.
    private static let backupPatience = Duration.seconds(30)

    func addBackups(_ api: RouterGroup<Context>) {
        api.get("/backups") { request, _ in
            let limit = try limit(request, standard: 20, most: 200)
            let found = try await stored { try await backups.folder.list(limit: limit) }
            return try JSONAnswer.response(Page(items: found.map { BackupView($0) }, next: nil))
        }
        api.post("/backups") { request, _ in
            _ = try await object(request, known: [])
            return try await makeBackup()
        }
        api.get("/backups/:name") { request, context in
            let name = try name(context)
            if let seconds = try request.number("wait", in: 0...60) {
                await backups.wait(for: name, atMost: .seconds(seconds))
            }
            return try JSONAnswer.response(try await backup(name))
        }
        api.get("/backups/:name/archive") { _, context in
            try await backupArchive(try name(context))
        }
    }

    private func makeBackup() async throws -> Response {
        try requireStore()
        guard let name = backups.begin() else {
            throw APIError(
                .conflict, "conflict", "a backup is being made already; wait for its end")
        }
        await backups.wait(for: name, atMost: Self.backupPatience)
        switch backups.progress(of: name) {
        case .failed(let why)?:
            throw APIError(.serviceUnavailable, "backup_failed", "no backup was made: \(why)")
        case .done(let manifest)?:
            return try JSONAnswer.response(BackupView(manifest), status: .created)
        case .running?, nil:
            return try JSONAnswer.response(BackupView(running: name), status: .accepted)
        }
    }

    private func backup(_ name: String) async throws -> BackupView {
        switch backups.progress(of: name) {
        case .running?: return BackupView(running: name)
        case .failed(let why)?: return BackupView(name, failed: why)
        case .done?, nil:
            guard let found = try await stored({ try await backups.folder.manifest(name) }) else {
                throw APIError.notFound("backup \(name)")
            }
            return BackupView(found)
        }
    }

    private func backupArchive(_ name: String) async throws -> Response {
        guard let manifest = try await stored({ try await backups.folder.manifest(name) }) else {
            throw APIError.notFound("backup \(name)")
        }
        let archive = try await stored { try await backups.folder.archive(name) }
        return Response(
            status: .ok,
            headers: [
                .contentType: "application/gzip",
                .contentDisposition: "attachment; filename=\"jessica-\(manifest.name).jsonl.gz\"",
                .contentLength: "\(archive.info.size)",
            ], body: ResponseBody(asyncSequence: archive.body))
    }

    /// What the object store answers; its trouble in our words.
    private func stored<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as ObjectStoreError {
            throw APIError.objectsAway(error)
        } catch let error as ArchiveError {
            throw APIError(.serviceUnavailable, "backup_damaged", error.description)
        }
    }
}

/// A backup as the API shows it.
struct BackupView: Encodable, Sendable {
    var name: String
    var state: String
    var at: String?
    var version: String?
    var format: Int?
    var fleet: String?
    var revision: UInt64?
    var term: UInt64?
    var size: Int?
    var sha256: String?
    var counts: ArchiveCounts?
    var damaged: Int?
    var automatic: Bool?
    var reason: String?
    var links: Links

    struct Links: Encodable, Sendable {
        var `self`: String
        var archive: String?
    }

    init(_ manifest: BackupManifest) {
        self.init(manifest.name, "done")
        at = manifest.at
        version = manifest.version
        format = manifest.format
        fleet = manifest.fleet
        revision = manifest.revision
        term = manifest.term
        size = manifest.size
        sha256 = manifest.sha256
        counts = manifest.counts
        damaged = manifest.damaged
        automatic = manifest.automatic
        links.archive = "\(links.`self`)/archive"
    }

    init(running name: String) { self.init(name, "running") }

    init(_ name: String, failed why: String) {
        self.init(name, "failed")
        reason = why
    }

    private init(_ name: String, _ state: String) {
        self.name = name
        self.state = state
        links = Links(self: "/api/v1/backups/\(name)")
    }
}
