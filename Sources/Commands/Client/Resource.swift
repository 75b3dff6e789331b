/// The path and query of one request below `/api/v1`.
struct Resource: Sendable {
    private(set) var target: String

    /// Creates a resource from path segments, each of which may hold anything.
    init(_ segments: String..., query: [(String, String?)] = []) {
        target = "/api/v1/" + segments.map(Self.escaped).joined(separator: "/")
        add(query)
    }

    /// The metrics, which stand beside the API.
    static let metrics: Resource = {
        var resource = Resource()
        resource.target = "/metrics"
        return resource
    }()

    /// Adds to the query; what has no value is left out.
    mutating func add(_ query: [(String, String?)]) {
        for (name, value) in query {
            guard let value else { continue }
            target += target.contains("?") ? "&" : "?"
            target += Self.escaped(name) + "=" + Self.escaped(value)
        }
    }

    /// Percent-encodes everything but unreserved characters; a segment of dots cannot climb.
    private static func escaped(_ text: String) -> String {
        var result = ""
        let isDots = text == "." || text == ".."
        for byte in text.utf8 {
            let scalar = Unicode.Scalar(byte)
            let isPlain =
                byte < 0x80
                && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                    || "-_~,:".unicodeScalars.contains(scalar) || (scalar == "." && !isDots))
            if isPlain {
                result.unicodeScalars.append(scalar)
            } else {
                let hex = String(byte, radix: 16, uppercase: true)
                result += "%" + (hex.count == 1 ? "0" : "") + hex
            }
        }
        return result
    }
}
