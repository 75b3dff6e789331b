package import NIOCore

/// One file a job produced, held in memory.
package struct NamedOutput: Sendable, Equatable {
    /// Safe file name: `[A-Za-z0-9._-]`, at most 100 characters, never starting with a dot.
    package let name: String
    /// Media type; its only parameter is the charset of a text, where that is known.
    package let contentType: String
    package let bytes: ByteBuffer

    package init(name: String, contentType: String, bytes: ByteBuffer) {
        self.name = name
        self.contentType = contentType
        self.bytes = bytes
    }
}

/// One file a job left inside its container, to be fetched through the Docker Engine.
///
/// Cog's older Python server reports file outputs of an asynchronous prediction as paths in the
/// container.
package struct ContainerFile: Sendable, Equatable {
    /// Safe file name, by the same rules as ``NamedOutput/name``.
    package let name: String
    package let contentType: String
    /// Absolute path in the container, at most 1024 bytes, without `..`.
    package let path: String

    package init(name: String, contentType: String, path: String) {
        self.name = name
        self.contentType = contentType
        self.path = path
    }
}

/// Makes safe, unique file names for the outputs of one job.
package struct OutputNames: Sendable {
    package static let lengthMax = 100
    private var taken: Set<String> = []

    package init() {}

    /// Any text as a safe file name; "output" when nothing usable is left.
    package static func sanitised(_ raw: String) -> String {
        var name: [UInt8] = []
        for byte in raw.utf8 {
            guard name.count < lengthMax else { break }
            let fine =
                ContentType.isAlphanumeric(byte) || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: "-") || (byte == UInt8(ascii: ".") && !name.isEmpty)
            if fine {
                name.append(byte)
            } else if name.last != UInt8(ascii: "_") {
                name.append(UInt8(ascii: "_"))
            }
        }
        let usable = name.contains { ContentType.isAlphanumeric($0) }
        return usable ? String(decoding: name, as: UTF8.self) : "output"
    }

    /// A name not given out before: `stem.ext`, else `stem-2.ext` and so on.
    package mutating func claim(stem: String, fileExtension ext: String) -> String {
        var base = Self.sanitised(stem)
        if base.hasSuffix("." + ext) { base = String(base.dropLast(ext.utf8.count + 1)) }
        if base.isEmpty { base = "output" }
        var attempt = 1
        while true {
            let suffix = (attempt == 1 ? "" : "-\(attempt)") + "." + ext
            let name = base.prefix(Self.lengthMax - suffix.utf8.count) + suffix
            if taken.insert(String(name)).inserted { return String(name) }
            attempt += 1
        }
    }
}
