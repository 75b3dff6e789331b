import Glibc
import NIOCore
import NIOPosix

/// Finds out, before anything else begins, whether the controller can listen where it shall.
enum ListenCheck {
    /// Takes each address for a moment; throws a ``StartError`` that names the one it cannot have.
    static func addresses(_ settings: ControllerSettings, socket: String) async throws {
        try await check(settings.link, key: "link", user: "agents connect to it")
        try await check(settings.api, key: "api", user: "the API is served on it")
        try await check(socket: socket)
    }

    private static func check(
        _ listener: ControllerSettings.Listener, key: String, user: String
    ) async throws {
        do {
            let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: listener.host, port: listener.port).get()
            try? await channel.close()
        } catch let error as IOError {
            throw StartError(problem(error, listener, key: key, user: user))
        } catch {
            throw StartError("\(key).host \(listener.host) cannot be listened on: \(error)")
        }
    }

    private static func problem(
        _ error: IOError, _ listener: ControllerSettings.Listener, key: String, user: String
    ) -> String {
        let port = listener.port
        return switch error.errnoCode {
        case EADDRINUSE:
            """
            port \(port) is taken, and \(user): end the program that listens there \
            (`ss -tlnp 'sport = :\(port)'` shows it), or choose another port with --\(key)-port
            """
        case EACCES, EPERM:
            "port \(port) is not for this user: run as root, or choose another with --\(key)-port"
        case EADDRNOTAVAIL:
            "\(listener.host) is no address of this machine: give one with --\(key)-host"
        default: "cannot listen on \(listener.host):\(port): \(error)"
        }
    }

    /// A socket that somebody answers is another controller's; any other is left over, and replaced.
    static func check(socket path: String) async throws {
        guard path.utf8.count < 108 else {
            throw StartError("\(path) is too long for a socket: choose a shorter --state-dir")
        }
        let channel = try? await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(unixDomainSocketPath: path).get()
        guard let channel else { return }
        try? await channel.close()
        throw StartError(
            "another controller listens on \(path): end it first, or choose another --state-dir")
    }
}
