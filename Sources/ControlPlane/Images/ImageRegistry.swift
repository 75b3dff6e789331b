import AsyncHTTPClient
import FleetCore
import NIOCore
import NIOHTTP1
import Settings

/// Asks a registry what it has under a name now.
///
/// On this machine it is asked without TLS. Elsewhere TLS is tried first, and then without, as by a
/// Docker that is told that a registry is insecure. One that is told nothing of the kind takes
/// nothing forged: it asks the right registry for the digest.
struct ImageRegistry: Sendable {
    /// Follows no redirects, and has no more than eight connections to a host.
    let http: HTTPClient

    /// What a registry says of a name.
    enum Answer: Hashable, Sendable {
        /// The digest of what it has.
        case digest(String)
        /// It answers, but with none; why.
        case unknown(String)
        /// It does not answer; why.
        case away(String)
    }

    /// How long one look may take, the wait for a connection included.
    static let patience = Duration.seconds(3)
    /// Both of what there may be for several machines, and of what there is for one.
    private static let kinds = [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ].joined(separator: ", ")

    /// Looks an image up by its tag.
    func look(for image: ImageName) async -> Answer {
        guard let host = image.host else { return .unknown("its name has no registry") }
        do {
            let found = try await withLimit(Self.patience) { try await answer(host, image) }
            return found ?? .away("it does not answer within \(Self.patience)")
        } catch {
            // That says nothing of the registry.
            if Task.isCancelled { return .unknown("nobody waits for it any more") }
            let why = (error as? HTTPClientError)?.shortDescription ?? "\(error)"
            return .away(String(why.prefix(200)))
        }
    }

    private func answer(_ host: String, _ image: ImageName) async throws -> Answer {
        if Self.isLoopback(host) { return try await ask("http", host, image) }
        do {
            return try await ask("https", host, image)
        } catch {
            try Task.checkCancellation()
            return try await ask("http", host, image)
        }
    }

    private func ask(
        _ scheme: String, _ host: String, _ image: ImageName
    ) async throws -> Answer {
        var request = HTTPClientRequest(
            url: "\(scheme)://\(host)/v2/\(image.path)/manifests/\(image.tag ?? "latest")")
        request.method = .HEAD
        request.headers = ["Accept": Self.kinds, "User-Agent": "jessica/\(Version.number)"]
        let response = try await http.execute(request, timeout: .seconds(3))
        // There is none; its end frees the connection for the next look.
        _ = try await response.body.collect(upTo: 1 << 10)
        guard response.status.code == 200 else {
            return .unknown("it answers \(response.status.code)")
        }
        guard let digest = response.headers.first(name: "Docker-Content-Digest"),
            Self.isDigest(digest)
        else { return .unknown("it tells no digest") }
        return .digest(digest)
    }

    /// `sha256:` and 64 lowercase hexadecimal digits.
    static func isDigest(_ text: String) -> Bool {
        text.hasPrefix("sha256:") && ImageReference.isDigest(text[...])
    }

    /// Whether a registry, `HOST[:PORT]`, is on this machine.
    static func isLoopback(_ registry: String) -> Bool {
        let isBracketed = registry.first == "["
        let host =
            isBracketed
            ? registry.dropFirst().prefix { $0 != "]" } : registry.prefix { $0 != ":" }
        guard let address = IPAddress(String(host)) else { return host == "localhost" }
        return address.bytes.count == 4
            ? address.bytes.first == 127 : address == IPAddress("::1")
    }
}
