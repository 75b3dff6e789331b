import Crypto
import FleetCore
import Glibc
import Synchronization
import WorkerContracts

/// Files of inputs at addresses of our own, for work that does not know the fleet's authority.
///
/// A file lies in its attempt's folder and is gone with the attempt. Its address is the same in every life
/// of the agent.
final class InputRelay: Sendable {
    private let folders: AttemptFolders
    private let secret: SymmetricKey
    private let tokens: WebhookTokens
    /// Where we listen: `http://ADDRESS:PORT/w/`; nil while nobody does.
    private let address: Latest<String?>
    /// How the addresses begin of files that are had through us.
    private let prefix: String
    /// By the secret part of their addresses.
    private let attempts = Mutex<[String: AttemptKey]>([:])

    init(
        folders: AttemptFolders, secret: SymmetricKey, tokens: WebhookTokens,
        address: Latest<String?>, prefix: String = "https://"
    ) {
        self.folders = folders
        self.secret = secret
        self.tokens = tokens
        self.address = address
        self.prefix = prefix
    }

    private func token(_ key: AttemptKey) -> String {
        // No attempt's text has a space: no two kinds of secret are the same.
        HMAC<SHA256>.authenticationCode(for: Array("inputs of \(key)".utf8), using: secret)
            .hexadecimal
    }

    /// Lets the files of an attempt be had.
    func admit(_ key: AttemptKey) {
        let token = token(key)
        attempts.withLock { $0[token] = key }
        _ = tokens.admit(token)
    }

    /// Nobody needs that attempt's files any more; who reads one gets no more of it.
    func forget(_ key: AttemptKey) {
        let token = token(key)
        tokens.revoke(token)
        attempts.withLock { _ = $0.removeValue(forKey: token) }
    }

    /// The same when the files may have come after all else of the attempt was deleted.
    func abandon(_ key: AttemptKey) async {
        forget(key)
        await folders.dropInputs(key)
    }

    /// Where the file that lies at an address is had from us by that name, once `fetch` has filled one with
    /// it; nil when it is had from there.
    ///
    /// Throws `Failure`, and what `fetch` throws.
    func url(
        insteadOf url: String, name: String, _ key: AttemptKey,
        fetch: (() async throws -> AttemptFile) async throws -> Void
    ) async throws -> String? {
        guard url.hasPrefix(prefix) else { return nil }
        do {
            try await fetch { try await self.folders.makeInput(name, key) }
            // Forgotten meanwhile: what is here now nobody would remove.
            try Task.checkCancellation()
        } catch {
            await folders.dropInputs(key)
            throw error
        }
        // Where we listen may have changed, and was not known yet on a network that is new.
        guard let base = address.value else {
            await folders.dropInputs(key)
            throw Failure(.inputUnavailable, "nobody listens yet to give the work \(name)")
        }
        admit(key)
        return base + token(key) + "/" + name
    }

    /// The file that a worker asks for; nil when there is none.
    func file(_ wanted: WorkerDownload) async -> WorkerFile? {
        guard let key = attempts.withLock({ $0[wanted.token] }),
            let file = await folders.input(wanted.fileName, key)
        else { return nil }
        let pieces = FileChunks(path: file.path, size: file.size)
        return WorkerFile(size: file.size) { take in
            for try await piece in pieces {
                guard self.isKnown(wanted.token) else { throw CancellationError() }
                try await take(piece)
            }
        }
    }

    private func isKnown(_ token: String) -> Bool { attempts.withLock { $0[token] != nil } }
}

extension AttemptFolders {
    private func inputs(_ key: AttemptKey) -> String { path(key) + "/inputs" }

    /// A new file of an attempt's input; one of that name goes.
    func makeInput(_ name: String, _ key: AttemptKey) async throws -> AttemptFile {
        let folder = inputs(key)
        return try await Disk.run {
            try Disk.remove("\(folder)/\(name)")
            return try AttemptFile(name, in: folder)
        }
    }

    /// A file of an attempt's input; nil when there is none of that name.
    fileprivate func input(_ name: String, _ key: AttemptKey) async -> File? {
        let path = "\(inputs(key))/\(name)"
        return try? await Disk.run {
            Disk.fileSize(path).map { File(name: name, path: path, size: $0) }
        }
    }

    /// Deletes the files of an attempt's input; fine when there are none.
    fileprivate func dropInputs(_ key: AttemptKey) async { await drop(inputs(key), of: key) }
}
