import Crypto
import FleetCore
import Logging
import Synchronization
import WorkerContracts

/// Files that cog workers send while they work, each put to the attempt it is of.
///
/// A worker is told where when it is started: one address for its life, whatever it works on. Which
/// work a file is of the worker says itself; it may only name what it was asked to do.
final class Uploads: Sendable {
    private struct Entry {
        let key: AttemptKey
        /// The secret part of its worker's address.
        let token: String
        let room = UploadRoom()
        /// The last file that did not get here, unless it came when it was sent again.
        var lost: Lost?
    }
    private struct Lost {
        let fileName: String
        let failure: Failure
    }
    private let folders: AttemptFolders
    private let secret: SymmetricKey
    private let tokens: WebhookTokens
    private let logger: Logger
    /// By the prediction's id.
    private let entries = Mutex<[String: Entry]>([:])

    init(
        folders: AttemptFolders, secret: SymmetricKey, tokens: WebhookTokens, logger: Logger
    ) {
        self.folders = folders
        self.secret = secret
        self.tokens = tokens
        self.logger = logger
    }

    /// The secret part of the address for a worker's files; the same in every life of the agent.
    static func token(_ worker: WorkerID, secret: SymmetricKey) -> String {
        // No attempt's text has a space: the two kinds of secret are never the same.
        HMAC<SHA256>.authenticationCode(for: Array("files of \(worker)".utf8), using: secret)
            .hexadecimal
    }

    /// The last part of the address where a worker puts its files.
    func place(of worker: WorkerID) -> String { Self.token(worker, secret: secret) + "/" }

    /// Takes files of what a worker was asked for.
    func admit(_ key: AttemptKey, of worker: WorkerID) {
        let token = Self.token(worker, secret: secret)
        entries.withLock { entries in
            let id = NodeLabels.plain(key)
            guard entries[id]?.token != token else { return }
            entries[id] = Entry(key: key, token: token)
            // In the lock: the end of the worker's other work must not take it away again.
            _ = tokens.admit(token)
        }
    }

    /// Takes no more files of an attempt; why one of them is missing, if one is.
    @discardableResult
    func close(_ key: AttemptKey) -> Failure? {
        entries.withLock { entries in
            guard let entry = entries.removeValue(forKey: NodeLabels.plain(key)) else {
                return nil
            }
            if !entries.values.contains(where: { $0.token == entry.token }) {
                tokens.revoke(entry.token)
            }
            return entry.lost?.failure
        }
    }

    /// Where a file goes; nil when it is of nothing that its worker was asked for.
    func receive(_ upload: WorkerUpload) async -> (any UploadSink)? {
        guard let entry = entry(of: upload) else {
            logger.notice(
                "worker sends a file of no work that it has",
                metadata: ["attempt": "\(upload.prediction?.prefix(128) ?? "")"])
            return nil
        }
        let (key, room) = (entry.key, entry.room)
        let tell: @Sendable (Failure?) -> Void = { [self] failure in
            note(failure, key, upload.fileName)
        }
        guard room.takeFile(announced: upload.announcedBytes ?? 0) else {
            tell(.tooManyOutputs)
            return RefusedUpload(answer: .tooLarge)
        }
        do {
            let name = UploadReference.newName(for: upload)
            let file = try await folders.makeUpload(name, key)
            // Ended meanwhile: what is made now nobody would remove.
            guard self.entry(of: upload) != nil else {
                await folders.dropUploads(key)
                return nil
            }
            return UploadIntake(
                file, as: name, fileName: upload.fileName, room: room, tell: tell)
        } catch {
            room.giveBack(0)
            let failure = Failure(keeping: error)
            tell(failure)
            return RefusedUpload(answer: failure.code == .diskFull ? .noRoom : .failed)
        }
    }

    private func entry(of upload: WorkerUpload) -> Entry? {
        entries.withLock { entries in
            if let id = upload.prediction {
                return entries[id].flatMap { $0.token == upload.token ? $0 : nil }
            }
            // A worker that does not say which work it means can only mean the only one.
            let own = entries.values.filter { $0.token == upload.token }
            return own.count == 1 ? own.first : nil
        }
    }

    private func note(_ failure: Failure?, _ key: AttemptKey, _ fileName: String) {
        if let failure {
            logger.notice(
                "file of a worker did not get here",
                metadata: [
                    "attempt": "\(key)", "output": "\(fileName)", "error": "\(failure.message)",
                ])
        }
        entries.withLock { entries in
            let id = NodeLabels.plain(key)
            if let failure {
                entries[id]?.lost = Lost(fileName: fileName, failure: failure)
            } else if entries[id]?.lost?.fileName == fileName {
                entries[id]?.lost = nil
            }
        }
    }
}
