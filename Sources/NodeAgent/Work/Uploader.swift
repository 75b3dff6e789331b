import AsyncHTTPClient
import FleetCore
import Logging
import NIOCore
import NIOHTTP1
import WorkerContracts

/// Stores the outputs of attempts where the controller says.
struct Uploader: Sendable {
    /// The client for stores.
    let http: @Sendable () throws -> HTTPClient
    let desk: UploadDesk
    let folders: AttemptFolders
    let logger: Logger

    /// How often one file is tried.
    private static let tries = 5
    /// The least speed of a store that counts as alive, in bytes a second.
    private static let slowest: UInt64 = 256 << 10

    /// The stored outputs by name, or why not; nil when the attempt was given up meanwhile.
    func upload(_ key: AttemptKey, _ kind: JobKind) async -> Result<[Output], Failure>? {
        do {
            var outputs: [Output] = []
            for file in try await folders.list(key) {
                outputs.append(try await store(file, key, kind))
            }
            return .success(outputs)
        } catch let failure as Failure {
            return .failure(failure)
        } catch {
            if Task.isCancelled { return nil }
            return .failure(Failure(.uploadFailed, "the outputs cannot be read: \(error)"))
        }
    }

    private func store(
        _ file: AttemptFolders.File, _ key: AttemptKey, _ kind: JobKind
    ) async throws -> Output {
        let type = ContentType.forFile(named: file.name)
        let request = UploadRequest(
            key: key, kind: kind, name: file.name, contentType: type, size: file.size)
        let digests = try await FileDigests.of(file.path, size: file.size)
        var pause = Duration.milliseconds(250)
        var why = ""
        for attempt in 1...Self.tries {
            // A new grant each time: the old one may have run out, or led to a store that is gone.
            let grant = try await desk.grant(request)
            if grant.refusal.isEmpty {
                do {
                    try await put(file, grant, type, digests)
                    return Output(
                        name: file.name, contentType: type, size: file.size,
                        key: grant.objectKey, digest: digests.sha256)
                } catch {
                    try Task.checkCancellation()
                    why = "\(error)"
                }
            } else {
                why = grant.refusal
            }
            logger.notice(
                "output not stored yet",
                metadata: [
                    "attempt": "\(key)", "output": "\(file.name)", "try": "\(attempt)",
                    "error": "\(why)",
                ])
            if attempt < Self.tries { try await Task.sleep(for: pause, clock: .continuous) }
            pause = min(pause * 3, .seconds(10))
        }
        throw Failure(.uploadFailed, "\(file.name) could not be stored: \(why)")
    }

    private func put(
        _ file: AttemptFolders.File, _ grant: UploadGrant, _ type: String,
        _ digests: FileDigests
    ) async throws {
        guard grant.url.hasPrefix("https://") || grant.url.hasPrefix("http://") else {
            throw Failure(.uploadFailed, "the store's address is no web address")
        }
        var request = HTTPClientRequest(url: grant.url)
        request.method = .PUT
        for header in grant.headers { request.headers.add(name: header.name, value: header.value) }
        if !request.headers.contains(name: "Content-Type") {
            request.headers.add(name: "Content-Type", value: type)
        }
        // The store refuses what was damaged on the way.
        request.headers.add(name: "Content-MD5", value: digests.md5)
        request.body = .stream(
            FileChunks(path: file.path, size: file.size),
            length: .known(Int64(clamping: file.size)))
        let seconds = Int64(clamping: 60 + file.size / Self.slowest)
        let response = try await http().execute(request, timeout: .seconds(seconds))
        let answer = try await response.body.collect(upTo: 64 << 10)
        guard (200..<300).contains(response.status.code) else {
            let words = String(buffer: answer).prefix(300)
            throw Failure(
                .uploadFailed, "the store answered \(response.status.code): \(words)")
        }
    }
}
