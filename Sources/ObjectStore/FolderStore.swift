import NIOCore

/// Objects as files below one folder: the embedded store, when no S3 is named.
///
/// `ROOT/objects/KEY` holds the bytes, `ROOT/types/KEY` the content type, `ROOT/incoming/` what is
/// being written. An object appears whole, by rename, after it is on disk. One process owns the
/// folder.
package struct FolderStore: ObjectStore {
    package struct Limits: Sendable {
        /// Most bytes of one object.
        package var objectBytesMax = 16 << 30

        package init() {}
    }

    /// One upload is one object.
    package var putBytesMax: UInt64 { UInt64(clamping: limits.objectBytesMax) }
    private let root: String
    /// Where the signed URLs lead, such as `https://spark:8443/objects`.
    private let baseURL: String
    private let signer: URLSigner
    private let limits: Limits
    private let folders: FolderTree

    /// Uses that folder, after ``prepare()``.
    ///
    /// Signed URLs are `baseURL/KEY?…`.
    package init(root: String, baseURL: String, signer: URLSigner, limits: Limits = Limits()) {
        self.root = root
        self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
        self.signer = signer
        self.limits = limits
        self.folders = FolderTree(root: root)
    }

    /// Makes the folder, and throws away what a former process left half written.
    package func prepare() async throws(ObjectStoreError) {
        let folders = self.folders
        try await Blocking.run { () throws(ObjectStoreError) in try folders.prepare() }
    }

    package func presignPut(
        _ key: ObjectKey, contentType: String, maxBytes: Int, expiresSeconds: Int
    ) async throws(ObjectStoreError) -> PresignedRequest {
        try ObjectLimits.check(contentType: contentType)
        let grant = SignedGrant(key: key, maxBytes: maxBytes, contentType: contentType)
        let query = try signer.query(method: "PUT", grant: grant, expiresSeconds: expiresSeconds)
        return PresignedRequest(
            method: "PUT", url: "\(baseURL)/\(key.text)?\(query)",
            headers: [("content-type", contentType)])
    }

    package func presignGet(
        _ key: ObjectKey, expiresSeconds: Int
    ) async throws(ObjectStoreError) -> PresignedRequest {
        let grant = SignedGrant(key: key, maxBytes: 0, contentType: "")
        let query = try signer.query(method: "GET", grant: grant, expiresSeconds: expiresSeconds)
        return PresignedRequest(method: "GET", url: "\(baseURL)/\(key.text)?\(query)", headers: [])
    }

    package func put(
        _ key: ObjectKey, _ body: ObjectBody, contentType: String
    ) async throws(ObjectStoreError) {
        try ObjectLimits.check(contentType: contentType)
        guard (0...limits.objectBytesMax).contains(body.length) else {
            throw ObjectStoreError(
                .tooLarge, "An object has at most \(limits.objectBytesMax) bytes.")
        }
        let folders = self.folders
        let incoming = try await Blocking.run { () throws(ObjectStoreError) in
            try folders.beginFile()
        }
        do {
            try await write(body, to: incoming.file)
            try await Blocking.run { () throws(ObjectStoreError) in
                try FolderFiles.sync(incoming.file)
                try folders.commit(incoming, key, contentType: contentType)
            }
        } catch {
            // Also when cancelled: the thread pool refuses work for a cancelled task, so this is
            // done right here.
            folders.abandon(incoming)
            throw error
        }
    }

    package func get(
        _ key: ObjectKey, range: ByteRange?
    ) async throws(ObjectStoreError) -> StoredObject {
        let folders = self.folders
        let (file, info) = try await Blocking.run { () throws(ObjectStoreError) in
            try folders.open(key)
        }
        guard let range else {
            let reader = FolderReader(file, range: 0..<info.size)
            return StoredObject(
                info: info, range: reader.range, body: ObjectStream(source: .file(reader)))
        }
        guard let resolved = range.resolved(size: info.size) else {
            throw ObjectStoreError(.invalidRequest, "Reading \(key): the range is past the end.")
        }
        let reader = FolderReader(file, range: resolved)
        return StoredObject(info: info, range: resolved, body: ObjectStream(source: .file(reader)))
    }

    package func head(_ key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        let folders = self.folders
        return try await Blocking.run { () throws(ObjectStoreError) in try folders.open(key).info }
    }

    package func delete(_ key: ObjectKey) async throws(ObjectStoreError) {
        let folders = self.folders
        try await Blocking.run { () throws(ObjectStoreError) in try folders.delete(key) }
    }

    package func list(
        prefix: String, next: String?, limit: Int
    ) async throws(ObjectStoreError) -> ObjectPage {
        try ObjectKey.checkPrefix(prefix)
        try ObjectLimits.check(limit: limit)
        var after: ObjectKey?
        if let next { after = try ObjectKey(next) }
        let folders = self.folders
        let start = after
        return try await Blocking.run { () throws(ObjectStoreError) in
            var listing = FolderListing(prefix: prefix, after: start, limit: limit)
            try listing.collect(folders.objects(), path: "")
            return listing.page
        }
    }

    private func write(_ body: ObjectBody, to file: Descriptor) async throws(ObjectStoreError) {
        switch body {
        case .bytes(let bytes): try await append(bytes, to: file)
        case .stream(let stream, let length):
            try await write(stream, length: length, to: file)
        }
    }

    private func write(
        _ stream: some AsyncSequence<ByteBuffer, any Error> & Sendable, length: Int,
        to file: Descriptor
    ) async throws(ObjectStoreError) {
        let wrong = ObjectStoreError(
            .lengthMismatch, "The stream had another length than announced.")
        var total = 0
        do {
            for try await piece in stream {
                guard piece.readableBytes <= length - total else { throw wrong }
                total += piece.readableBytes
                try await append(piece, to: file)
            }
        } catch let error as ObjectStoreError {
            throw error
        } catch is CancellationError {
            throw ObjectStoreError(.cancelled, "The upload was cancelled.")
        } catch {
            throw ObjectStoreError(.lengthMismatch, "The upload broke off: \(error)")
        }
        guard total == length else { throw wrong }
    }

    private func append(_ bytes: ByteBuffer, to file: Descriptor) async throws(ObjectStoreError) {
        var rest = bytes
        while let piece = rest.readSlice(length: min(rest.readableBytes, FolderReader.pieceBytes)),
            piece.readableBytes > 0
        {
            try await Blocking.run { () throws(ObjectStoreError) in
                try FolderFiles.write([UInt8](buffer: piece), to: file)
            }
        }
    }
}
