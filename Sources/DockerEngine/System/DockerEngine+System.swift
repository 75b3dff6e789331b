import NIOCore
import NIOHTTP1
import Synchronization

extension DockerEngine {
    /// Asks the daemon whether it is there, and negotiates the API version anew.
    ///
    /// - Throws: `.unavailable`, `.timedOut` after 10 s, or `.unsupportedVersion`.
    package func ping() async throws -> DockerVersion {
        var call = Call(.GET, ["_ping"]).timeout(.seconds(10))
        call.versioned = false
        let answer = try await send(call, bodyBytesMax: 4096)
        guard let newest = answer.headers.first(name: "Api-Version").flatMap({ APIVersion($0) })
        else {
            throw DockerError(.malformedAnswer, "the daemon does not tell its API version")
        }
        guard newest >= .floor else {
            throw DockerError(
                .unsupportedVersion,
                "the daemon speaks API \(newest); \(APIVersion.floor) or newer is needed")
        }
        let version = min(newest, .ceiling)
        negotiated.withLock { $0 = version }
        return DockerVersion(
            negotiated: version, newest: newest,
            server: answer.headers.first(name: "Server") ?? "",
            osType: answer.headers.first(name: "Ostype") ?? "")
    }

    /// Describes the daemon and its host.
    package func info() async throws -> EngineInfo {
        EngineInfo(json: try await send(Call(.GET, ["info"])).json())
    }

    /// The negotiated version, asking the daemon when it is not known.
    func apiVersion() async throws -> APIVersion {
        if let known = negotiated.withLock({ $0 }) { return known }
        return try await ping().negotiated
    }

    /// Makes the next call negotiate first.
    func forgetVersion() {
        negotiated.withLock { $0 = nil }
    }
}
