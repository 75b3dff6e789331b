import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import Synchronization

/// Brings a file into the object store, so that the input of a job can refer to it.
struct InputUpload {
    let session: Session
    let client: APIClient
    /// The key of what the files are for; each is announced under it with the name of its field.
    let key: String
    /// Whether the key may have been used before.
    let isRepeat: Bool

    private struct Announced: Decodable, Sendable {
        var id: String
        var size: UInt64?
        var url: String?
        var headers: [String: String]?
    }

    /// Uploads the file of `FIELD=PATH`; the field and what stands for the file.
    func upload(_ text: String) async throws -> (field: String, value: JSONValue) {
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
            throw CommandError.usage("--file '\(text)' is not FIELD=PATH")
        }
        let field = String(text[..<equals])
        let path = String(text[text.index(after: equals)...])
        let name = Self.plainName(URL(filePath: path).lastPathComponent)
        guard let size = Self.size(of: path) else {
            throw CommandError.usage("cannot read \(path)", why: "it is no file that can be read")
        }
        let type = MediaType.forFile(named: name)
        let body = JSONValue.dictionary([
            ("name", .string(name)), ("contentType", .string(type)), ("size", .number("\(size)")),
        ])
        let made = try await client.post(
            Announced.self, Resource("uploads"), body,
            headers: [("Idempotency-Key", Self.key(key, of: field))], purpose: "upload \(path)")
        let value = JSONValue.object([.init("$upload", .string(made.model.id))])
        // The job that came with it may be at work on it.
        if isRepeat, try await isThere(made.model.id, size, path) {
            session.note("\(name) was uploaded under this key before")
            return (field, value)
        }
        guard let url = made.model.url else {
            throw CommandError(
                .failed, "cannot upload \(path)", why: "the controller gave no address")
        }
        let line = Mutex(StatusLine(session: session))
        defer { line.withLock { $0.clear() } }
        let pieces = FilePieces(path: path, size: size) { done in
            let share = size == 0 ? 1 : Double(done) / Double(size)
            let sizes = "\(Humane.bytes(Double(done))) of \(Humane.bytes(Double(size)))"
            line.withLock {
                $0.show("uploading \(name.truncated(to: 30))", share: share, sizes)
            }
        }
        var headers = (made.model.headers ?? [:]).sorted { $0.key < $1.key }.map {
            ($0.key, $0.value)
        }
        if !headers.contains(where: { $0.0.lowercased() == "content-type" }) {
            headers.append(("Content-Type", type))
        }
        try await client.put(url, headers: headers, pieces, purpose: "upload \(path)")
        return (field, value)
    }

    /// The key of a file: any text may be a field, and a key has no space.
    private static func key(_ key: String, of field: String) -> String {
        let plain = field.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed)
        return "\(key):\(plain ?? field)"
    }

    /// Whether the whole file was put before.
    private func isThere(_ id: String, _ size: UInt64, _ path: String) async throws -> Bool {
        do {
            let found = try await client.get(
                Announced.self, Resource("uploads", id), purpose: "upload \(path)")
            return found.model.size == size
        } catch let failure as CommandError where failure.status == .notFound {
            return false
        }
    }

    /// The size of a file; nil for a folder or a pipe, and for what cannot be read.
    private static func size(of path: String) -> UInt64? {
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            FileManager.default.isReadableFile(atPath: path)
        else { return nil }
        return UInt64(clamping: status.st_size)
    }

    /// The file's name with what a name in the store may not have replaced.
    static func plainName(_ name: String) -> String {
        var plain = String(
            name.unicodeScalars.prefix(100).map { scalar -> Character in
                let isFine =
                    scalar.isASCII
                    && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                        || "-._".unicodeScalars.contains(scalar))
                return isFine ? Character(scalar) : "_"
            })
        if plain.hasPrefix(".") || plain.isEmpty { plain = "file" + plain }
        return String(plain.prefix(100))
    }
}

/// A file, piece by piece.
struct FilePieces: AsyncSequence, Sendable {
    let path: String
    let size: UInt64
    /// Hears how many bytes have been read.
    let onRead: @Sendable (UInt64) -> Void

    private static let piece = 256 << 10

    func makeAsyncIterator() -> Iterator { Iterator(pieces: self) }

    struct Iterator: AsyncIteratorProtocol {
        let pieces: FilePieces
        private var handle: FileHandle?
        private var done: UInt64 = 0
        private var shown: UInt64?

        init(pieces: FilePieces) { self.pieces = pieces }

        mutating func next() async throws -> ByteBuffer? {
            if handle == nil { handle = try FileHandle(forReadingFrom: URL(filePath: pieces.path)) }
            guard let data = try handle?.read(upToCount: FilePieces.piece), !data.isEmpty else {
                try handle?.close()
                return nil
            }
            done += UInt64(data.count)
            // A line for each hundredth is enough.
            let share = done / Swift.max(pieces.size / 100, 1)
            if share != shown {
                shown = share
                pieces.onRead(done)
            }
            return ByteBuffer(data: data)
        }
    }
}

/// Media types by the ending of a file's name.
enum MediaType {
    private static let known = [
        "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp",
        "gif": "image/gif", "wav": "audio/wav", "mp3": "audio/mpeg", "ogg": "audio/ogg",
        "flac": "audio/flac", "mp4": "video/mp4", "webm": "video/webm", "mov": "video/quicktime",
        "txt": "text/plain", "md": "text/markdown", "json": "application/json",
        "pdf": "application/pdf", "csv": "text/csv",
    ]

    static func forFile(named name: String) -> String {
        let ending = name.split(separator: ".").last.map { $0.lowercased() } ?? ""
        return known[ending] ?? "application/octet-stream"
    }
}

extension APIClient {
    /// A transport error of an object store that is not the controller's own.
    static func storeFailure(_ error: any Error, _ host: String, _ purpose: String) -> any Error {
        if Task.isCancelled || error is CancellationError { return CancellationError() }
        if error is CommandError { return error }
        return CommandError(
            .failed, "cannot \(purpose)",
            why: "the object store at \(host) cannot be used: \(reason(error))",
            hint: "jctl reaches it by the address that the controller's settings have")
    }

    /// Whether a signed address is one of the controller's own store.
    ///
    /// A bucket may be called `objects` too; what is for S3 carries a signature by S3's rules.
    static func isOwn(_ address: URLComponents) -> Bool {
        address.percentEncodedPath.hasPrefix("/objects/")
            && !(address.queryItems ?? []).contains { $0.name == "X-Amz-Signature" }
    }

    /// Puts a file to a signed address.
    ///
    /// An address of the controller's own store is reached as the controller itself is.
    func put(
        _ url: String, headers: [(String, String)], _ pieces: FilePieces, purpose: String
    ) async throws {
        guard let address = URLComponents(string: url), let host = address.host else {
            throw CommandError(.failed, "cannot \(purpose)", why: "its address cannot be read")
        }
        let own = Self.isOwn(address)
        let query = address.percentEncodedQuery.map { "?" + $0 } ?? ""
        var request =
            own ? try ownRequest(address.percentEncodedPath + query) : HTTPClientRequest(url: url)
        request.method = .PUT
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        request.body = .stream(pieces, length: .known(Int64(clamping: pieces.size)))
        let seconds = Int64(clamping: 120 + pieces.size / (128 << 10))
        let call = Call(method: .PUT, resource: Resource(), purpose: purpose)
        do {
            let client = own ? try http() : HTTPClient.shared
            let response = try await client.execute(request, timeout: .seconds(seconds))
            let body = try await response.body.collect(upTo: 1 << 20)
            guard (200..<300).contains(response.status.code) else {
                guard own else {
                    throw CommandError(
                        .failed, "cannot \(purpose)",
                        why: "the object store at \(host) answered \(response.status)")
                }
                throw failure(call, response, Data(buffer: body))
            }
        } catch {
            throw own ? transportFailure(error, call) : Self.storeFailure(error, host, purpose)
        }
    }
}
