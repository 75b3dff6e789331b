import Logging
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
        self.newest.withLock { $0 = newest }
        return DockerVersion(
            negotiated: agreed(newest, atMost: .ceiling), newest: newest,
            server: answer.headers.first(name: "Server") ?? "",
            osType: answer.headers.first(name: "Ostype") ?? "")
    }

    /// Describes the daemon and its host.
    package func info() async throws -> EngineInfo {
        var call = Call(.GET, ["info"])
        call.newest = .info
        return EngineInfo(json: try await send(call).json())
    }

    /// The newest version the daemon speaks, asking it when that is not known.
    func newestVersion() async throws -> APIVersion {
        if let known = newest.withLock({ $0 }) { return known }
        return try await ping().newest
    }

    /// What a call is sent with: the newest version that both know, or the daemon's oldest where that
    /// is newer.
    ///
    /// A version changes little; a daemon that refuses all of ours is of no use at all.
    func agreed(_ newest: APIVersion, atMost ours: APIVersion) -> APIVersion {
        let common = min(newest, ours)
        return oldest.withLock { $0.map { max($0, common) } } ?? common
    }

    /// Makes the next call negotiate first.
    func forgetVersion() {
        newest.withLock { $0 = nil }
    }

    /// The daemon has refused a version: the next call negotiates, and heeds what it takes at least.
    func learn(from refusal: DockerError) {
        forgetVersion()
        let least = APIVersion(leastIn: refusal.message).flatMap { $0 > .ceiling ? $0 : nil }
        let before: APIVersion? = oldest.withLock { oldest in
            defer { oldest = least }
            return oldest
        }
        guard let least, least != before else {
            logger.debug("negotiating the API version again")
            return
        }
        logger.warning(
            "docker takes no API as old as ours; it is spoken to with the oldest it takes",
            metadata: ["docker.api": "\(least)", "docker.api.own": "\(APIVersion.ceiling)"])
    }
}
