import AsyncHTTPClient
import FleetCore
import Foundation
import JobCatalogue
import Logging
import ObjectStore
import RedisStore

/// Puts a backup in the place of the record, while no controller runs.
struct Restore: Sendable {
    let settings: ControllerSettings
    /// The path of an archive, or the name of a backup in the object store.
    let from: String
    /// Whether a record that is there may be replaced.
    let force: Bool
    let logger: Logger

    /// What was done.
    struct Outcome: Sendable {
        let summary: ArchiveSummary
        let term: UInt64
    }

    /// Why a restore was cut off after it had begun to write.
    struct HalfWritten: Error, CustomStringConvertible {
        let description: String
    }

    /// Restores, or throws why not; nothing was written then, unless it is ``HalfWritten``.
    func run() async throws -> Outcome {
        try checkOwner()
        let state = try StateDirectory(settings.stateDir)
        try await ListenCheck.check(socket: state.socket)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            let service = ControllerService(settings: settings, logger: logger)
            let endpoint = try await service.startRedis(state, &group)
            let client = RedisClient(endpoint: endpoint, logger: logger)
            defer { client.close() }
            let store = FleetStore(store: FencedStore(client: client))
            if let leader = try await store.leader() {
                throw StartError(
                    "\(leader) leads this record: end it first (after a crash its lease lasts \(Leadership.leaseTime))"
                )
            }
            let isEmpty = try await store.isEmpty()
            guard isEmpty || force else {
                throw StartError(
                    "there is a record already, and a restore would replace it: make a backup of it, then add --force"
                )
            }
            return try await restore(state, store, service)
        }
    }

    private func restore(
        _ state: StateDirectory, _ store: FleetStore, _ service: ControllerService
    ) async throws -> Outcome {
        let path = try await archive(state, store, service)
        defer { if path == state.backup { try? FileManager.default.removeItem(atPath: path) } }
        let reader = ArchiveReader(path: path)
        // All of it is looked at before anything is written.
        let summary = try await reader.read { _ in }
        let renewal = Renewal(wallSeconds: Int64(Date().timeIntervalSince1970))
        let term: UInt64
        do {
            term = try await store.restore(
                summary, from: reader, renewal: renewal, owner: "restore/\(service.owner)",
                version: Version.number)
        } catch {
            throw HalfWritten(description: "\(error)")
        }
        // It lists jobs of the record that is gone.
        try JobCatalogue.remove(path: state.catalogue)
        return Outcome(summary: summary, term: term)
    }

    /// A file on this machine, brought here if need be.
    private func archive(
        _ state: StateDirectory, _ store: FleetStore, _ service: ControllerService
    ) async throws -> String {
        if FileManager.default.fileExists(atPath: from) { return from }
        let name = from.split(separator: "/").first == "backups" ? String(from.dropFirst(8)) : from
        let last = try await store.fleetHistory(limit: 1).first?.spec.storage
        let http = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: S3Store.clientConfiguration)
        do {
            let (objects, _) = try await service.openObjects(
                state, service.storage(else: last), http)
            let folder = BackupFolder(objects: objects)
            guard
                let manifest = try await folder.manifest(
                    name.split(separator: "/").first
                        .map(String.init) ?? name)
            else {
                throw StartError(
                    "\(from) is no file, and there is no such backup in the object store; without a record, the store is that of --fleet-file"
                )
            }
            try? FileManager.default.removeItem(atPath: state.backup)
            try await folder.fetch(manifest, to: state.backup)
        } catch {
            try? await http.shutdown()
            throw error
        }
        try? await http.shutdown()
        return state.backup
    }

    /// As another user it would leave files that the controller cannot use.
    private func checkOwner() throws {
        let facts = try? FileManager.default.attributesOfItem(atPath: settings.stateDir)
        guard let owner = facts?[.ownerAccountID] as? Int, owner != Int(geteuid()) else { return }
        let name = facts?[.ownerAccountName] as? String ?? "#\(owner)"
        throw StartError(
            "\(settings.stateDir) belongs to \(name): run this as `sudo -u '\(name)' spark-controller restore …`"
        )
    }
}
