/// An image the daemon has.
package struct ImageInfo: Sendable, Hashable {
    /// The content address of the image's configuration, `sha256:…`.
    package var id: String
    /// The registry digests it is known by, `repository@sha256:…`; empty for local images.
    package var repoDigests: [String]
    /// Bytes on disk.
    package var size: Int64
    /// The machine it is for, such as `arm64`.
    package var architecture: String
    /// The labels its maker gave it.
    package var labels: [String: String]
    /// The TCP ports its maker says it listens on, in rising order.
    package var exposedPorts: [UInt16]
    /// What a container of it begins with, whatever its command.
    package var entrypoint: [String]
    /// The command of a container that is given none.
    package var command: [String]

    /// Creates a description.
    package init(
        id: String, repoDigests: [String] = [], size: Int64 = 0, architecture: String = "",
        labels: [String: String] = [:], exposedPorts: [UInt16] = [], entrypoint: [String] = [],
        command: [String] = []
    ) {
        self.id = id
        self.repoDigests = repoDigests
        self.size = size
        self.architecture = architecture
        self.labels = labels
        self.exposedPorts = exposedPorts
        self.entrypoint = entrypoint
        self.command = command
    }

    init?(json: JSONValue) {
        guard let id = json["Id"].string, !id.isEmpty else { return nil }
        self.init(
            id: id, repoDigests: json["RepoDigests"].strings, size: json["Size"].int64 ?? 0,
            architecture: json["Architecture"].string ?? "",
            labels: json["Config"]["Labels"].members.compactMapValues(\.string),
            exposedPorts: json["Config"]["ExposedPorts"].members.keys.compactMap { port in
                port.hasSuffix("/tcp") ? UInt16(port.dropLast(4)) : nil
            }.sorted(),
            entrypoint: json["Config"]["Entrypoint"].strings,
            command: json["Config"]["Cmd"].strings)
    }
}

/// What a registry wants to know before it serves a private image.
package struct RegistryAuth: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    /// The account.
    package var username: String
    /// Its password or access token.
    package var password: String
    /// The registry the credentials are for, such as `registry.example:5000`.
    package var serverAddress: String

    /// Creates credentials.
    package init(username: String, password: String, serverAddress: String) {
        self.username = username
        self.password = password
        self.serverAddress = serverAddress
    }

    /// A text without the password.
    package var description: String { "RegistryAuth(\(username)@\(serverAddress))" }

    /// A mirror without the password.
    package var customMirror: Mirror { Mirror(self, children: []) }
}
