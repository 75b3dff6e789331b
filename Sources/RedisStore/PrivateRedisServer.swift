import Foundation
import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A server that answers, and is ours.
struct RedisServer: Sendable {
    let pid: CInt
    /// Kept open to learn at once when the server ends; as long as it is open the pid is the
    /// server's.
    let monitor: RedisConnection
    /// Nil when the server was adopted.
    let child: RedisChild?

    /// Asks the server behind a connection who it is, and makes sure that it keeps our promises.
    ///
    /// Throws `server` when it is not ours, `unavailable` when it does not answer.
    static func identify(
        _ monitor: RedisConnection, child: RedisChild?, configuration: PrivateRedisConfiguration
    ) async throws(RedisStoreError) -> RedisServer {
        let settings = PrivateRedisConfiguration.durability
        let replies = try await monitor.send(
            [RedisCommand("INFO", "server"), RedisCommand("CONFIG", "GET", "dir")]
                + settings.map { RedisCommand("CONFIG", "SET", .text($0.name), .text($0.value)) })
        for reply in replies {
            guard let message = reply.errorMessage else { continue }
            throw RedisStoreError(.server, "the server at \(monitor.endpoint) refused: \(message)")
        }
        let directory = replies[1].array?.last?.text ?? ""
        guard let pid = processID(in: replies[0].text ?? ""), pid > 1,
            samePlace(directory, configuration.directory)
        else {
            throw RedisStoreError(
                .server,
                "another Redis answers at \(monitor.endpoint): its directory is \(directory)")
        }
        return RedisServer(pid: pid, monitor: monitor, child: child)
    }

    /// Asks the server to save and end.
    ///
    /// Only while its connection is open, when the pid is surely its.
    func terminate() {
        guard monitor.isActive else { return }
        _ = kill(pid, SIGTERM)
    }

    private static func processID(in info: String) -> CInt? {
        for line in info.split(whereSeparator: \.isNewline) where line.hasPrefix("process_id:") {
            return CInt(line.dropFirst("process_id:".count))
        }
        return nil
    }

    private static func samePlace(_ one: String, _ other: String) -> Bool {
        URL(fileURLWithPath: one).resolvingSymlinksInPath().path
            == URL(fileURLWithPath: other).resolvingSymlinksInPath().path
    }
}
