/// Tells a file's type by its first bytes.
enum FileSignature {
    /// The media type; nil when we know none that begins so.
    static func type(of bytes: some Collection<UInt8>) -> String? {
        let head = Array(bytes.prefix(12))
        if head.starts(with: "RIFF".utf8), head.count == 12 {
            switch String(decoding: head[8...], as: UTF8.self) {
            case "WAVE": return "audio/wav"
            case "WEBP": return "image/webp"
            default: return nil
            }
        }
        if let known = table.first(where: { head.starts(with: $0.start) }) { return known.type }
        // A frame of MPEG audio: eleven bits set, then a layer that is not reserved.
        if head.count >= 2, head[0] == 0xFF, head[1] & 0xE0 == 0xE0, head[1] & 0x06 != 0 {
            return "audio/mpeg"
        }
        return nil
    }

    private static let table: [(start: [UInt8], type: String)] = [
        ([0x89, 0x50, 0x4E, 0x47], "image/png"), ([0xFF, 0xD8, 0xFF], "image/jpeg"),
        (Array("GIF8".utf8), "image/gif"), (Array("OggS".utf8), "audio/ogg"),
        (Array("fLaC".utf8), "audio/flac"), (Array("ID3".utf8), "audio/mpeg"),
    ]
}
