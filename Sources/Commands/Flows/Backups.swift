import Crypto
import Foundation
import NIOHTTP1

/// What `jctl backup` and `jctl restore` do with the controller's backups.
struct Backups {
    let session: Session
    let client: APIClient

    /// How long one request is held until the backup has ended, in seconds; the most that is.
    private static let heldFor = 60

    /// Makes one, and waits for its end.
    func make() async throws -> Fetched<BackupRecord> {
        var call = APIClient.Call(
            method: .POST, resource: Resource("backups"), purpose: "make a backup")
        call.timeout = 60
        var made = try await client.object(BackupRecord.self, call)
        while made.model.state == "running" {
            made = try await ended(made.model.name)
        }
        guard made.model.state == "done" else {
            throw CommandError(.failed, "no backup was made", why: made.model.reason)
        }
        if let damaged = made.model.damaged, damaged > 0 {
            session.note(
                "\(Humane.count(Int(damaged), "damaged job")) could not be read and is not in it")
        }
        return made
    }

    /// The latest ones, latest first.
    func list() async throws -> FetchedList<BackupRecord> {
        try await client.list(
            BackupRecord.self, Resource("backups"), limit: 100, purpose: "list the backups")
    }

    /// One of them.
    func one(_ name: String) async throws -> Fetched<BackupRecord> {
        try await client.get(
            BackupRecord.self, Resource("backups", name), purpose: "look at backup \(name)")
    }

    /// One of them once it has ended, or as it is when the controller holds the request no longer.
    private func ended(_ name: String) async throws -> Fetched<BackupRecord> {
        try await client.get(
            BackupRecord.self, Resource("backups", name, query: [("wait", "\(Self.heldFor)")]),
            purpose: "wait for backup \(name)", timeout: Double(Self.heldFor) + 30)
    }

    /// Saves the archive of one; answers where.
    func save(_ backup: BackupRecord, to path: String?) async throws -> String {
        let path = path ?? "jessica-\(backup.name).jsonl.gz"
        let folder = (path as NSString).deletingLastPathComponent
        // Whoever reads it has every job's input.
        let file = try OutputFile(
            folder: folder, name: (path as NSString).lastPathComponent, mode: 0o600)
        do {
            var sha = SHA256()
            let call = APIClient.Call(
                resource: Resource("backups", backup.name, "archive"),
                purpose: "get backup \(backup.name)")
            try await client.stream(call) {
                sha.update(data: $0)
                try file.write($0)
            }
            let found = sha.finalize().hexadecimal
            guard found == backup.sha256 else {
                throw CommandError(
                    .failed, "backup \(backup.name) came damaged",
                    why: "it hashes to \(found) instead of \(backup.sha256 ?? "nothing")",
                    hint: "try again; if it stays so, the object store has lost it")
            }
        } catch {
            file.discard()
            throw error
        }
        return try file.commit()
    }

    static func table(_ backups: [BackupRecord], now: Date) -> Table {
        Table(
            columns: [
                .init("NAME"), .init("AGE", isNumber: true, isVolatile: true),
                .init("SIZE", isNumber: true), .init("JOBS", isNumber: true),
                .init("EVENTS", isNumber: true, isWide: true), .init("VERSION"),
                .init("AUTOMATIC", isWide: true), .init("SHA256", isWide: true),
            ],
            rows: backups.map { backup in
                [
                    backup.name, Humane.span(backup.at, nil, now: now),
                    Humane.bytes(backup.size), Humane.whole(backup.counts?.jobs),
                    Humane.whole(backup.counts?.events), backup.version ?? "-",
                    backup.automatic == true ? "yes" : "no", backup.sha256 ?? "-",
                ]
            })
    }
}
