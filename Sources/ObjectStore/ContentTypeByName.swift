/// The content type of an object whose own was not kept.
enum ContentTypeByName {
    static let unknown = "application/octet-stream"

    static func guess(_ key: ObjectKey) -> String {
        guard let name = key.components.last, let dot = name.lastIndex(of: ".") else {
            return unknown
        }
        switch name[name.index(after: dot)...].lowercased() {
        case "png": return "image/png"
        case "jpg", "jpeg": return "image/jpeg"
        case "webp": return "image/webp"
        case "gif": return "image/gif"
        case "mp4": return "video/mp4"
        case "webm": return "video/webm"
        case "wav": return "audio/wav"
        case "mp3": return "audio/mpeg"
        case "ogg": return "audio/ogg"
        case "flac": return "audio/flac"
        case "txt", "log": return "text/plain"
        case "json": return "application/json"
        case "yaml", "yml": return "application/yaml"
        default: return unknown
        }
    }
}
