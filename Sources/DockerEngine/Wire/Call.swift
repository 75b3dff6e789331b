import NIOCore
import NIOHTTP1

/// One request to the daemon, before the API version and the encoding are applied.
struct Call: Sendable {
    var method: HTTPMethod
    /// Path segments, not encoded.
    var path: [String]
    var query: [(name: String, value: String)] = []
    var headers: [(name: String, value: String)] = []
    var body: ByteBuffer?
    /// The time for the whole exchange, or for the head when the body is streamed; nil: no limit.
    var timeout: Duration?
    /// The newest version it is sent with.
    var newest = APIVersion.ceiling
    /// False only for `/_ping`, which is how the version becomes known.
    var versioned = true

    init(
        _ method: HTTPMethod, _ path: [String],
        query: [(name: String, value: String)] = []
    ) {
        self.method = method
        self.path = path
        self.query = query
    }

    /// The call with a JSON body.
    func json(_ value: JSONValue) throws(DockerError) -> Call {
        var call = self
        call.body = try value.encoded()
        call.headers.append((name: "Content-Type", value: "application/json"))
        return call
    }

    /// The call with its own time limit.
    func timeout(_ limit: Duration) -> Call {
        var call = self
        call.timeout = limit
        return call
    }

    /// The path and query as they go on the wire.
    func target(version: APIVersion?) -> String {
        var text = version.map { "/v\($0)" } ?? ""
        for segment in path {
            text += "/" + segment.percentEncoded
        }
        for (index, item) in query.enumerated() {
            text += (index == 0 ? "?" : "&") + item.name.percentEncoded
            text += "=" + item.value.percentEncoded
        }
        return text
    }
}

/// A complete answer.
struct Answer: Sendable {
    var status: Int
    var headers: HTTPHeaders
    var body: ByteBuffer

    /// The body as JSON.
    func json() throws(DockerError) -> JSONValue { try JSONValue(parsing: body) }
}

/// Checks of names before they become part of a request path.
enum Names {
    /// Accepts a container id or name, or a network name: `[A-Za-z0-9][A-Za-z0-9_.-]*`, at most 255.
    static func check(_ name: String, _ what: StaticString) throws(DockerError) {
        let bytes = name.utf8
        guard (1...255).contains(bytes.count), let first = bytes.first, isAlphanumeric(first),
            bytes.allSatisfy({
                isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".")
                    || $0 == UInt8(ascii: "-")
            })
        else {
            throw DockerError(.invalidArgument, "not a valid \(what): \(name.prefix(80))")
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}

/// The `filters` query value of list and event requests.
enum Filters {
    /// Builds the JSON text; a label with an empty value matches any value of that label.
    static func encode(
        labels: [String: String], _ others: [String: [String]] = [:]
    ) throws(DockerError) -> String {
        var filters = others
        if !labels.isEmpty {
            filters["label"] = labels.sorted { $0.key < $1.key }
                .map { $0.value.isEmpty ? $0.key : "\($0.key)=\($0.value)" }
        }
        let json = JSONValue.object(filters.mapValues(JSONValue.list))
        return String(buffer: try json.encoded())
    }
}
