/// The state of a container in the daemon's words.
package enum ContainerState: Sendable, Hashable {
    /// Made but not started; also after a failed start.
    case created
    /// Its main process runs.
    case running
    /// Its processes are frozen.
    case paused
    /// Between two runs under a restart policy.
    case restarting
    /// Being removed.
    case removing
    /// Its main process ended.
    case exited
    /// Removed only in part; removing it again usually helps.
    case dead
    /// A state this client does not know.
    case unknown(String)

    /// Reads the daemon's word.
    package init(_ word: String) {
        switch word {
        case "created": self = .created
        case "running": self = .running
        case "paused": self = .paused
        case "restarting": self = .restarting
        case "removing": self = .removing
        case "exited": self = .exited
        case "dead": self = .dead
        default: self = .unknown(word)
        }
    }
}

/// All that is known about one container.
package struct ContainerInfo: Sendable, Hashable {
    /// The container's id.
    package var id: String
    /// Its name, without the leading slash.
    package var name: String
    /// The id of its image, `sha256:…`.
    package var imageID: String
    /// Its state.
    package var state: ContainerState
    /// The exit code of the last run; 126, 127 or 128 after a failed start.
    package var exitCode: Int
    /// True when the kernel killed it for memory.
    ///
    /// May be missed under cgroup v2, and on a busy host where the daemon hears of the exit first.
    package var oomKilled: Bool
    /// Why the last start failed; empty otherwise.
    package var error: String
    /// When the last run began, RFC 3339; year 1 when never.
    package var startedAt: String
    /// When the last run ended, RFC 3339; year 1 when never.
    package var finishedAt: String
    /// Its labels.
    package var labels: [String: String]
    /// Its addresses by network name; networks without an address are left out.
    package var ipAddresses: [String: String]
    /// The networks it has joined, by their names.
    package var networks: Set<String>
    /// The names of the volumes that Docker made for it, sorted; nobody else has named or needs them.
    package var anonymousVolumes: [String]
    /// How often the restart policy started it again.
    package var restartCount: Int
    /// True when its output is a terminal's, without a split into stdout and stderr.
    package var hasTerminal: Bool

    /// Creates a description.
    package init(
        id: String, name: String, imageID: String = "", state: ContainerState,
        exitCode: Int = 0, oomKilled: Bool = false, error: String = "", startedAt: String = "",
        finishedAt: String = "", labels: [String: String] = [:],
        ipAddresses: [String: String] = [:], networks: Set<String> = [],
        anonymousVolumes: [String] = [], restartCount: Int = 0, hasTerminal: Bool = false
    ) {
        self.id = id
        self.name = name
        self.imageID = imageID
        self.state = state
        self.exitCode = exitCode
        self.oomKilled = oomKilled
        self.error = error
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.labels = labels
        self.ipAddresses = ipAddresses
        self.networks = networks
        self.anonymousVolumes = anonymousVolumes
        self.restartCount = restartCount
        self.hasTerminal = hasTerminal
    }

    init?(json: JSONValue) {
        guard let id = json["Id"].string, !id.isEmpty else { return nil }
        let state = json["State"]
        let networks = json["NetworkSettings"]["Networks"].members
        let addresses = networks.compactMapValues { network in
            network["IPAddress"].string.flatMap { $0.isEmpty ? nil : $0 }
        }
        self.init(
            id: id, name: ContainerSummary.bareName(json["Name"].string ?? ""),
            imageID: json["Image"].string ?? "",
            state: ContainerState(state["Status"].string ?? ""),
            exitCode: state["ExitCode"].int ?? 0, oomKilled: state["OOMKilled"].bool ?? false,
            error: state["Error"].string ?? "", startedAt: state["StartedAt"].string ?? "",
            finishedAt: state["FinishedAt"].string ?? "",
            labels: json["Config"]["Labels"].stringMap, ipAddresses: addresses,
            networks: Set(networks.keys), anonymousVolumes: json["Mounts"].anonymousVolumes,
            restartCount: json["RestartCount"].int ?? 0,
            hasTerminal: json["Config"]["Tty"].bool ?? false)
    }
}

/// What a list tells about a container.
package struct ContainerSummary: Sendable, Hashable {
    /// The container's id.
    package var id: String
    /// Its name, without the leading slash.
    package var name: String
    /// Its state.
    package var state: ContainerState
    /// Its labels.
    package var labels: [String: String]
    /// The id of its image.
    package var imageID: String
    /// The names of the volumes that Docker made for it, sorted.
    package var anonymousVolumes: [String]

    /// Creates a summary.
    package init(
        id: String, name: String, state: ContainerState, labels: [String: String] = [:],
        imageID: String = "", anonymousVolumes: [String] = []
    ) {
        self.id = id
        self.name = name
        self.state = state
        self.labels = labels
        self.imageID = imageID
        self.anonymousVolumes = anonymousVolumes
    }

    init?(json: JSONValue) {
        guard let id = json["Id"].string, !id.isEmpty else { return nil }
        // Links add names such as /other/alias; the container's own has one slash.
        let names = json["Names"].strings.map(Self.bareName)
        self.init(
            id: id, name: names.first { !$0.contains("/") } ?? names.first ?? "",
            state: ContainerState(json["State"].string ?? ""), labels: json["Labels"].stringMap,
            imageID: json["ImageID"].string ?? "",
            anonymousVolumes: json["Mounts"].anonymousVolumes)
    }

    static func bareName(_ name: String) -> String {
        name.hasPrefix("/") ? String(name.dropFirst()) : name
    }
}

extension JSONValue {
    /// Of a list of mounts the volumes without a name of their own: Docker calls them by 64 hexadecimal digits.
    fileprivate var anonymousVolumes: [String] {
        elements.filter { $0["Type"].string == "volume" }.compactMap { $0["Name"].string }
            .filter { $0.utf8.count == 64 && $0.allSatisfy { $0.isASCII && $0.isHexDigit } }
            .sorted()
    }
}
