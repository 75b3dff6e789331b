/// File extensions and media types: the one table both directions are read from.
package enum ContentType {
    package static let unknown = "application/octet-stream"

    /// The media type for a file name, by its extension; ``unknown`` when there is none we know.
    package static func forFile(named name: String) -> String {
        guard let ext = fileExtension(of: name) else { return unknown }
        return table.first { $0.fileExtension == ext }?.type ?? unknown
    }

    /// The usual extension of a media type, without the dot; "bin" when we know none.
    package static func fileExtension(forType type: String) -> String {
        table.first { $0.type == type }?.fileExtension ?? aliases.first { $0.type == type }?
            .fileExtension
            ?? "bin"
    }

    /// A media type made safe for a header: lower case `type/subtype` without parameters.
    ///
    /// Anything that is not one becomes ``unknown``.
    package static func sanitised(_ raw: String) -> String {
        let bare = raw.prefix { $0 != ";" }.lowercased()
        let parts = bare.split(separator: "/", omittingEmptySubsequences: false)
        guard bare.utf8.count <= 100, parts.count == 2 else { return unknown }
        let fine = parts.allSatisfy { part in
            !part.isEmpty && part.utf8.allSatisfy { isTokenByte($0) }
        }
        return fine ? bare : unknown
    }

    /// The extension of the last path component, lower case, at most 10 letters or digits.
    static func fileExtension(of name: String) -> String? {
        let base = name.split(separator: "/").last ?? ""
        guard let dot = base.lastIndex(of: "."), dot != base.startIndex else { return nil }
        let ext = base[base.index(after: dot)...].lowercased()
        guard (1...10).contains(ext.utf8.count), ext.utf8.allSatisfy(isAlphanumeric) else {
            return nil
        }
        return ext
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
            || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
    }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    // The first row of a type is its usual extension.
    private static let table: [(fileExtension: String, type: String)] = [
        ("png", "image/png"), ("jpg", "image/jpeg"), ("jpeg", "image/jpeg"),
        ("webp", "image/webp"), ("gif", "image/gif"), ("bmp", "image/bmp"),
        ("tiff", "image/tiff"), ("tif", "image/tiff"), ("svg", "image/svg+xml"),
        ("avif", "image/avif"), ("exr", "image/x-exr"),
        ("mp4", "video/mp4"), ("webm", "video/webm"), ("mov", "video/quicktime"),
        ("mkv", "video/x-matroska"), ("avi", "video/x-msvideo"), ("mpeg", "video/mpeg"),
        ("wav", "audio/wav"), ("mp3", "audio/mpeg"), ("ogg", "audio/ogg"),
        ("opus", "audio/opus"), ("flac", "audio/flac"), ("m4a", "audio/mp4"),
        ("aac", "audio/aac"), ("mid", "audio/midi"), ("midi", "audio/midi"),
        ("pcm", "audio/pcm"),
        ("txt", "text/plain"), ("log", "text/plain"), ("md", "text/markdown"),
        ("csv", "text/csv"), ("html", "text/html"), ("srt", "application/x-subrip"),
        ("vtt", "text/vtt"), ("json", "application/json"), ("jsonl", "application/jsonl"),
        ("xml", "application/xml"), ("yaml", "application/yaml"), ("pdf", "application/pdf"),
        ("zip", "application/zip"), ("gz", "application/gzip"), ("tar", "application/x-tar"),
        ("npy", "application/x-npy"), ("glb", "model/gltf-binary"), ("obj", "model/obj"),
        ("ply", "model/ply"), ("safetensors", "application/x-safetensors"),
        ("bin", "application/octet-stream"),
    ]

    // Other names in use for a type, as guessed by the tools workers are built from.
    private static let aliases: [(type: String, fileExtension: String)] = [
        ("audio/x-wav", "wav"), ("audio/wave", "wav"), ("audio/vnd.wave", "wav"),
        ("audio/x-flac", "flac"), ("audio/mp3", "mp3"), ("audio/x-m4a", "m4a"),
        ("audio/x-midi", "mid"), ("image/jpg", "jpg"), ("image/x-ms-bmp", "bmp"),
        ("application/x-gzip", "gz"), ("text/xml", "xml"), ("application/x-yaml", "yaml"),
        ("application/x-zip-compressed", "zip"),
    ]
}
