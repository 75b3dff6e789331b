package import NIOCore

/// A file that a worker sends while it works, before the report that names it.
///
/// Cog's servers do so when they are started with `--upload-url`: `PUT URL/NAME` for each file,
/// with the prediction's id in a header.
package struct WorkerUpload: Sendable, Equatable {
    /// The secret part of the address, which says whose file this is.
    package let token: String
    /// The id of the prediction it is of; nil when the worker does not say, as older servers.
    package let prediction: String?
    /// The worker's name for it, made safe like ``NamedOutput/name``.
    package let fileName: String
    /// What the worker says it is; nil when it says nothing.
    package let contentType: String?
    /// How many bytes the worker says there are; nil when it says nothing.
    package let announcedBytes: Int?

    package init(
        token: String, prediction: String?, fileName: String, contentType: String? = nil,
        announcedBytes: Int? = nil
    ) {
        self.token = token
        self.prediction = prediction
        self.fileName = fileName
        self.contentType = contentType
        self.announcedBytes = announcedBytes
    }
}

/// Takes one file as it comes; it is called by one task, one call after the other.
package protocol UploadSink: Sendable {
    /// The next bytes; no more are read from the worker until it returns.
    ///
    /// After a failure they are ignored: a worker that is cut off does not hear why.
    func take(_ bytes: ByteBuffer) async
    /// All of it has come.
    func finish() async -> UploadAnswer
    /// No more of it comes, and it is not whole.
    func abandon() async
}

/// What to answer to a file.
package enum UploadAnswer: Sendable, Equatable {
    /// It is here, under a name that ``UploadReference`` made (201).
    case stored(as: String)
    /// It is of nothing that this worker was asked for (404).
    case unknown
    /// It, or all of the prediction's files, are larger than is taken (413).
    case tooLarge
    /// The disk is full (507).
    case noRoom
    /// It cannot be written (500): the older server sends it again.
    case failed
}

/// A file that a worker has sent, and that its report names.
package struct UploadedFile: Sendable, Equatable {
    /// Safe file name, by the same rules as ``NamedOutput/name``.
    package let name: String
    package let contentType: String
    /// The name it was stored under when it came.
    package let storedName: String

    package init(name: String, contentType: String, storedName: String) {
        self.name = name
        self.contentType = contentType
        self.storedName = storedName
    }
}

/// How a report names a file that was sent before: by the address its upload was answered with.
///
/// It holds no secret, since a report's texts are shown to people. Its host is one that can never
/// exist (RFC 6761), so nobody follows it.
package enum UploadReference {
    private static let base = "http://uploads.jessica.invalid/"
    private static let digits = 16

    /// A name to store a file under: nobody's choice but for its extension.
    package static func newName(for upload: WorkerUpload) -> String {
        let random = String(UInt64.random(in: 0 ... .max), radix: 16)
        let ext =
            ContentType.fileExtension(of: upload.fileName)
            ?? ContentType.fileExtension(
                forType: upload.contentType.map(ContentType.sanitised) ?? ContentType.unknown)
        return String(repeating: "0", count: digits - random.utf8.count) + random + "." + ext
    }

    /// The address that stands for a stored file.
    static func url(_ storedName: String) -> String { base + storedName }

    /// The name that a stored file has; nil when the text is no such address.
    static func storedName(in text: ArraySlice<UInt8>) -> String? {
        guard text.count <= 64, text.starts(with: base.utf8) else { return nil }
        let name = text.dropFirst(base.utf8.count)
        let hexadecimal = name.prefix(digits)
        let rest = name.dropFirst(digits)
        let ext = rest.dropFirst()
        guard hexadecimal.allSatisfy({ JSONEscapes.hexValue($0) != nil }),
            rest.first == UInt8(ascii: "."), (1...10).contains(ext.count),
            ext.allSatisfy(ContentType.isAlphanumeric)
        else { return nil }
        return String(decoding: name, as: UTF8.self)
    }
}
