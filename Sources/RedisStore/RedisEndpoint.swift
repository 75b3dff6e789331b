/// Where a Redis server is and how to log in.
package struct RedisEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// How to reach the server.
    package enum Address: Hashable, Sendable {
        /// A unix socket by path; at most 107 bytes.
        case unixSocket(path: String)
        /// A TCP port of a host.
        case tcp(host: String, port: Int)
    }

    /// How to reach the server.
    package var address: Address
    /// The user name of an access list; nil for the default user.
    package var user: String?
    /// The password; nil for none.
    ///
    /// Never printed.
    package var password: String?
    /// The number of the database.
    package var database: Int

    /// Creates an endpoint.
    package init(
        _ address: Address, user: String? = nil, password: String? = nil, database: Int = 0
    ) {
        self.address = address
        self.user = user
        self.password = password
        self.database = database
    }

    /// The address, without secrets.
    package var description: String {
        switch address {
        case .unixSocket(let path): path
        case .tcp(let host, let port): "\(host):\(port)"
        }
    }

    /// What a new connection says first.
    ///
    /// PING is always there: a server may accept a connection and then refuse to serve it (too many
    /// clients, still loading), which must count as not connected.
    var greeting: [RedisCommand] {
        var commands: [RedisCommand] = []
        if let password {
            let user = user.map { [RedisArgument.text($0)] } ?? []
            commands.append(RedisCommand("AUTH", user + [.text(password)]))
        }
        if database != 0 { commands.append(RedisCommand("SELECT", .integer(Int64(database)))) }
        commands.append(RedisCommand("PING"))
        return commands
    }
}

/// How connections behave.
package struct RedisConfiguration: Hashable, Sendable {
    /// How long one pipeline may wait for its last reply.
    package var commandTimeout: Duration = .seconds(5)
    /// How long connecting and logging in may each take.
    package var connectTimeout: Duration = .seconds(2)
    /// The wait before the second attempt to connect; doubled for each further one.
    package var minimumBackoff: Duration = .milliseconds(20)
    /// The longest wait between two attempts to connect.
    package var maximumBackoff: Duration = .seconds(1)
    /// What a connection accepts.
    package var limits = RedisLimits()

    /// Creates the default configuration.
    package init() {}

    /// The wait before the next attempt after a number of failures in a row.
    func backoff(afterFailures failures: Int) -> Duration {
        guard failures > 0 else { return .zero }
        let doubled = minimumBackoff * (1 << min(failures - 1, 16))
        return min(doubled, maximumBackoff)
    }
}
