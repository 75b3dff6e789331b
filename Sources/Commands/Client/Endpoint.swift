import Foundation

/// Where the controller is, and how to prove who asks.
struct Endpoint: Sendable, Equatable {
    /// How it is reached.
    enum Address: Sendable, Equatable {
        /// HTTP over a unix socket, by file permission.
        case socket(path: String)
        /// HTTPS, or HTTP on this machine; without a slash at its end.
        case url(String)
    }

    /// How it is reached.
    var address: Address
    /// The access token, for HTTPS only.
    var token: String?
    /// The file of the certificate authority to trust beside the system's.
    var caFile: String?
    /// Which setting named it, for messages.
    var origin: String

    /// The address for messages.
    var description: String {
        switch address {
        case .socket(let path): path
        case .url(let url): url
        }
    }

    /// Whether nobody has named one, and no controller's socket is seen here.
    var isUnset: Bool { origin.hasPrefix("no endpoint") }

    /// What to do then.
    static let howToName =
        "on the controller's machine use sudo; elsewhere `jctl context set` names one"

    /// Whether the address is HTTP without TLS to another machine.
    var isExposed: Bool {
        guard case .url(let url) = address, url.hasPrefix("http://") else { return false }
        return !Self.isLoopback(URLComponents(string: url)?.host ?? "")
    }

    /// Whether a host of a URL is this machine, whichever that is.
    static func isLoopback(_ host: String) -> Bool {
        ["localhost", "127.0.0.1", "::1", "[::1]"].contains(host)
    }

    /// Reads an address: a URL, `unix:PATH`, a path, or `HOST[:PORT]`, which means HTTPS.
    static func parseAddress(_ text: String, home: String?) throws -> Address {
        func wrong(_ why: String) -> CommandError {
            .usage(
                "cannot use endpoint '\(text)'", why: why,
                hint: "give https://HOST:8443 or the path of the controller's socket")
        }
        let text = text.trimmingSpaces()
        for prefix in ["unix://", "unix:"] where text.hasPrefix(prefix) {
            return .socket(path: String(text.dropFirst(prefix.count)))
        }
        if text.hasPrefix("~/"), let home { return .socket(path: home + text.dropFirst(1)) }
        if text.hasPrefix("/") || text.hasPrefix("./") || text.hasPrefix("../") {
            return .socket(path: text)
        }
        let full = text.contains("://") ? text : "https://" + text
        guard let parts = URLComponents(string: full), let host = parts.host, !host.isEmpty,
            !host.contains(" ")
        else { throw wrong("it is neither a URL nor a path") }
        guard parts.scheme == "https" || parts.scheme == "http" else {
            throw wrong("only https:// (or http:// on this machine) and sockets are understood")
        }
        guard parts.user == nil, parts.password == nil else {
            throw wrong("credentials do not belong in it; use --token-file")
        }
        var url = full.prefix { $0 != "?" && $0 != "#" }
        while url.hasSuffix("/") { url.removeLast() }
        if url.hasSuffix("/api/v1") { url.removeLast("/api/v1".count) }
        return .url(String(url))
    }
}
