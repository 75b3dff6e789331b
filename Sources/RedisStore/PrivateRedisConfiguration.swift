import Foundation

/// Where a private server lives and how it is started.
package struct PrivateRedisConfiguration: Hashable, Sendable {
    /// The directory that is the server's alone: data, socket, configuration, log.
    ///
    /// Made with mode 0700.
    package var directory: String
    /// The program, by path or by name; a name is searched in PATH.
    package var program = "redis-server"
    /// Whether the server ends with ``PrivateRedis/run()``; if not, the next start adopts it.
    package var stopsServer = true
    /// The wait before the first restart after a crash; doubled for each further one.
    package var minimumBackoff: Duration = .milliseconds(100)
    /// The longest wait before a restart.
    package var maximumBackoff: Duration = .seconds(5)
    /// Starts that may fail before the server was ever ready; then `run()` gives up.
    package var startAttempts = 3
    /// How long the server may take to stop before it is left alone.
    package var stopTimeout: Duration = .seconds(20)

    /// Creates the configuration of a server in a directory.
    package init(directory: String) {
        self.directory = directory
    }

    /// The unix socket.
    package var socketPath: String { directory + "/redis.sock" }
    /// The configuration file, written at each start.
    package var configPath: String { directory + "/redis.conf" }
    /// The server's log.
    package var logPath: String { directory + "/redis.log" }
    /// The file with the server's process id.
    package var pidPath: String { directory + "/redis.pid" }
    /// Locked by the process that supervises the server.
    var ownerLockPath: String { directory + "/owner.lock" }
    /// Locked by the server itself as long as it lives.
    var serverLockPath: String { directory + "/server.lock" }

    /// Bytes of a unix socket path that the system accepts.
    static let socketPathBytes = 107
    /// The log is put aside above this size, at a start of the server.
    static let logBytes = 8 << 20

    /// What the server promises us: each acknowledged write is on the disk, and nothing is ever
    /// evicted.
    static let durability: [(name: String, value: String)] = [
        ("appendonly", "yes"),
        ("appendfsync", "always"),
        ("no-appendfsync-on-rewrite", "no"),
        ("maxmemory-policy", "noeviction"),
        ("save", ""),
    ]

    /// The text of the configuration file.
    var configText: String {
        let quote = Self.quote
        let durable = Self.durability.map { name, value in
            "\(name) \(value.isEmpty ? "\"\"" : value)"
        }
        return """
            # Written by the controller at each start of its private server; changes are lost.
            port 0
            unixsocket \(quote(socketPath))
            unixsocketperm 700
            dir \(quote(directory))
            pidfile \(quote(pidPath))
            logfile \(quote(logPath))
            daemonize no
            aof-load-truncated yes
            aof-use-rdb-preamble yes
            always-show-logo no
            \(durable.joined(separator: "\n"))

            """
    }

    /// A value as the configuration file wants it: in quotes, with what would end them escaped.
    private static func quote(_ text: String) -> String {
        var quoted = "\""
        for byte in text.utf8 {
            switch byte {
            case 0x22, 0x5C: quoted += "\\" + String(UnicodeScalar(byte))
            case 0x20...0x7E: quoted += String(UnicodeScalar(byte))
            default:
                let hex = String(byte, radix: 16)
                quoted += "\\x" + (hex.count == 1 ? "0" : "") + hex
            }
        }
        return quoted + "\""
    }

    /// The program's path; throws `server` when there is none.
    func locateProgram() throws(RedisStoreError) -> String {
        let files = FileManager.default
        if program.contains("/") {
            if files.isExecutableFile(atPath: program) { return program }
        } else {
            let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
            let folders =
                path.split(separator: ":").map(String.init) + ["/usr/bin", "/usr/local/bin"]
            for folder in folders where files.isExecutableFile(atPath: "\(folder)/\(program)") {
                return "\(folder)/\(program)"
            }
        }
        throw RedisStoreError(
            .server,
            "\(program) was not found: install it (apt install redis-server) or name a Redis to use"
        )
    }
}
