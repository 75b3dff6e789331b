import DockerEngine
import FoundationEssentials
import Glibc
package import Settings

/// Everything an agent can be told, checked.
package struct AgentSettings: Sendable, Hashable {
    /// The node's name, as in cluster.yaml.
    package var node: String
    /// The fleet's name, for labels.
    package var fleet: String
    /// Where it keeps what is its own.
    package var stateDir: String
    /// Where the controller is.
    package var controllerHost: String
    /// The controller's port for agents.
    package var controllerPort: Int
    /// The controller's port for people, programs, and agents that have no certificate yet.
    package var apiPort: Int
    /// The name in the controllers' certificates; nil for the host of each.
    package var serverName: String?
    /// What the fleet's authority is known by where its certificate is not there yet.
    package var fingerprint: KeyFingerprint?
    /// Controllers that may lead when the first does not answer.
    package var standbys: [Place]
    /// The file of the certificates it trusts.
    package var ca: String
    /// The file of its certificate.
    package var certificate: String
    /// The file of its key.
    package var key: String
    /// Docker's socket.
    package var dockerSocket: String
    /// The registries images may come from; empty for all.
    package var registries: [String]
    /// Devices that containers may have beyond the usual ones.
    package var devices: [String]
    /// How long a pull may stand still.
    package var pullStall: Duration
    /// How long an image that was pulled is kept after its last use; nil for as long as there is room.
    package var keepImages: Duration?
    /// Below so many free bytes images that are not used go sooner.
    package var minFreeForImages: UInt64
    /// Bytes by which memory may have grown when the node is cleaned; nil when it is not looked at.
    package var memoryMargin: UInt64?
    /// Bytes of memory that no container gets.
    package var memoryReserve: UInt64
    /// Where models are mounted; nil for nowhere.
    package var models: String?
    /// The least severe log line written, as swift-log names it.
    package var logLevel: String
    /// Whether log lines are JSON.
    package var logsAsJSON: Bool

    /// Where metrics are served; nil for nowhere.
    package var metrics: Place?

    /// A host and a port.
    package struct Place: Sendable, Hashable, CustomStringConvertible {
        /// The host.
        package var host: String
        /// The port.
        package var port: Int

        /// Creates a place.
        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }

        /// As people write it.
        package var description: String {
            host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }

        /// Reads `host`, `host:port` or `[ipv6]:port`; nil when it is none of them.
        package init?(_ text: String, port standard: Int?) {
            var (host, port) = (text[...], standard)
            if let colon = text.lastIndex(of: ":"), text.last != "]",
                text.hasPrefix("[") || text.firstIndex(of: ":") == colon
            {
                host = text[..<colon]
                port = Int(text[text.index(after: colon)...])
            }
            if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
            let isFine =
                host.contains(":")
                ? host.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
                : host.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"/[]@".utf8.contains($0) }
            guard let port, (1...65_535).contains(port), isFine,
                (1...253).contains(host.utf8.count)
            else { return nil }
            self.host = String(host)
            self.port = port
        }
    }

    /// Every controller there is, the one to try first in front.
    package var controllers: [Place] {
        [Place(host: controllerHost, port: controllerPort)] + standbys
    }

    /// Creates settings with the defaults.
    package init(node: String, stateDir: String, controllerHost: String, controllerPort: Int = 7443)
    {
        self.node = node
        self.fleet = "jessica"
        self.stateDir = stateDir
        self.controllerHost = controllerHost
        self.controllerPort = controllerPort
        self.apiPort = 8443
        self.serverName = nil
        self.fingerprint = nil
        self.standbys = []
        self.ca = stateDir + "/tls/ca.crt"
        self.certificate = stateDir + "/tls/node.crt"
        self.key = stateDir + "/tls/node.key"
        self.dockerSocket = "/var/run/docker.sock"
        self.registries = []
        self.devices = []
        self.pullStall = .seconds(120)
        self.keepImages = .seconds(7 * 86_400)
        self.minFreeForImages = 10_000_000_000
        self.memoryMargin = 1 << 30
        self.memoryReserve = 512 << 20
        self.models = nil
        self.logLevel = "info"
        self.logsAsJSON = false
    }

    /// The table of settings.
    package static let source = SettingsSource([
        SettingSpec(
            "config", .path, default: "/etc/jessica/agent.yaml", inFile: false,
            help: "The file with these settings."),
        SettingSpec(
            "node", .string,
            help: "The node's name, as in cluster.yaml; else the host's name in lower case."),
        SettingSpec(
            "fleet", .string, default: "jessica", help: "The fleet's name; containers carry it."),
        SettingSpec(
            "state_dir", .path, default: "/var/lib/jessica/agent",
            help: "The folder for the journal, outputs on their way, and certificates."),
        SettingSpec(
            "controller.host", .string, required: true, help: "The machine of the controller."),
        SettingSpec(
            "controller.port", .int(1...65_535), default: "7443",
            help: "The controller's port for agents."),
        SettingSpec(
            "controller.api_port", .int(1...65_535), default: "8443",
            help: "The controller's port for people; agents get their certificates there."),
        SettingSpec(
            "controller.fingerprint", .string,
            help:
                "The fingerprint of the fleet's authority, SHA256:…; with it the agent asks the controller to be admitted."
        ),
        SettingSpec(
            "controller.server_name", .string,
            help: "The name in the controllers' certificates; else the host of each."),
        SettingSpec(
            "controller.standby", .list, default: "",
            help:
                "More controllers of the fleet, host or host:port, tried in turn when one does not answer."
        ),
        SettingSpec(
            "metrics.listen", .string,
            help:
                "Where metrics for Prometheus are served, such as 127.0.0.1:9464; nowhere when left out. Whoever reaches it can read them."
        ),
        SettingSpec(
            "tls.ca", .path,
            help: "The certificates trusted, PEM; else tls/ca.crt in the state folder."),
        SettingSpec(
            "tls.cert", .path,
            help: "The node's certificate, PEM; else tls/node.crt in the state folder."),
        SettingSpec(
            "tls.key", .path, help: "Its key, PEM; else tls/node.key in the state folder."),
        SettingSpec(
            "docker.socket", .path, default: "/var/run/docker.sock", help: "Docker's socket."),
        SettingSpec(
            "docker.registries", .list, default: "",
            help: "The registries images may come from, such as spark:5000; all when empty."),
        SettingSpec(
            "docker.pull_stall", .duration(.seconds(1)...(.seconds(3_600))), default: "2m",
            help: "How long a pull may stand still before it fails and is tried again."),
        SettingSpec(
            "images.keep", .duration(.zero...(.seconds(3_650 * 86_400))), default: "7d",
            help:
                "How long an image the agent pulled is kept after its last use; 0s: while there is room."
        ),
        SettingSpec(
            "images.min_free", .size(0...(1 << 50)), default: "10GB",
            help:
                "Below so much free disk, images the agent pulled and nobody uses are deleted sooner."
        ),
        SettingSpec(
            "clean.memory_margin", .size(0...(1 << 40)), default: "1GiB",
            help:
                "How much more memory a clean node may use than when it was last idle; 0MB: not looked at, as where agents share a machine."
        ),
        SettingSpec(
            "memory.reserve", .size((512 << 20)...(1 << 40)), default: "512MiB",
            help:
                "Memory for the system and whatever else runs on the machine; containers get the rest."
        ),
        SettingSpec(
            "models.mount", .path,
            help: "The folder of the models; containers see it read-only at the same path."),
        SettingSpec(
            "devices", .list, default: "",
            help: "Devices containers may have beyond the usual ones, as /dev/nvsciipc."),
        SettingSpec(
            "log.level",
            .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]),
            default: "info", help: "The least severe log line written."),
        SettingSpec(
            "log.format", .choice(["text", "json"]), default: "text",
            help: "How log lines are written."),
        SettingSpec("check_config", .bool, inFile: false, help: "Check the settings and exit."),
    ])

    /// Takes the typed values out, or says what is wrong with them.
    package static func load(_ settings: ResolvedSettings) -> (
        settings: AgentSettings?, mistakes: [Mistake]
    ) {
        var mistakes: [Mistake] = []
        let node =
            settings.string(ifSet: "node") ?? nodeName(ofHost: ProcessInfo.processInfo.hostName)
        if let problem = DNSLabel.problem(node) {
            mistakes.append(settings.mistake("node", problem))
        }
        if !isName(settings.string("fleet")) {
            mistakes.append(
                settings.mistake(
                    "fleet", "must be 1 to 63 letters, digits, '-' and '_'"))
        }
        let host = settings.string("controller.host")
        if host.isEmpty {
            mistakes.append(settings.mistake("controller.host", "must not be empty"))
        }
        let port = settings.int("controller.port")
        let standbys = settings.list("controller.standby").map { Place($0, port: port) }
        if standbys.contains(nil) || standbys.count > Self.standbysMax {
            mistakes.append(
                settings.mistake(
                    "controller.standby",
                    "must be up to \(Self.standbysMax) hosts such as spark-2 or spark-2:7443"))
        }
        let fingerprint = settings.string(ifSet: "controller.fingerprint").map {
            KeyFingerprint($0)
        }
        if case .some(nil) = fingerprint {
            mistakes.append(
                settings.mistake(
                    "controller.fingerprint", "must be SHA256: and 64 hexadecimal digits"))
        }
        let metrics = settings.string(ifSet: "metrics.listen").map { Place($0, port: nil) }
        if case .some(nil) = metrics {
            mistakes.append(
                settings.mistake("metrics.listen", "must be an address and a port: 127.0.0.1:9464"))
        }
        for key in ["state_dir", "tls.ca", "tls.cert", "tls.key", "docker.socket", "models.mount"] {
            if let path = settings.path(ifSet: key), !path.isAbsolutePath {
                mistakes.append(settings.mistake(key, "must be an absolute path"))
            }
        }
        let hidden = [settings.path("docker.socket"), settings.path("state_dir")]
        if let path = settings.path(ifSet: "models.mount"), path.isAbsolutePath,
            let why = MountRules.refusal(of: path, holding: hidden)
        {
            mistakes.append(
                settings.mistake("models.mount", "must be a folder of models only: it \(why)"))
        }
        let devices = settings.list("devices")
        if let wrong = devices.first(where: { !DeviceRules.isDevicePath($0) }) {
            mistakes.append(
                settings.mistake("devices", "\(Shown.quoted(wrong)) is no path below /dev"))
        }
        if settings.path("docker.socket").utf8.count > 100 {
            mistakes.append(settings.mistake("docker.socket", "is too long for a socket's path"))
        }
        guard mistakes.isEmpty else { return (nil, mistakes) }
        var result = AgentSettings(
            node: node, stateDir: settings.path("state_dir"), controllerHost: host,
            controllerPort: port)
        result.standbys = standbys.compactMap(\.self)
        result.metrics = metrics.flatMap(\.self)
        result.fleet = settings.string("fleet")
        result.apiPort = settings.int("controller.api_port")
        result.serverName = settings.string(ifSet: "controller.server_name")
        result.fingerprint = fingerprint.flatMap(\.self)
        result.ca = settings.path(ifSet: "tls.ca") ?? result.ca
        result.certificate = settings.path(ifSet: "tls.cert") ?? result.certificate
        result.key = settings.path(ifSet: "tls.key") ?? result.key
        result.dockerSocket = settings.path("docker.socket")
        let margin = settings.size("clean.memory_margin")
        result.memoryMargin = margin > 0 ? UInt64(margin) : nil
        result.memoryReserve = UInt64(clamping: settings.size("memory.reserve"))
        result.registries = settings.list("docker.registries")
        result.devices = devices
        let keep = settings.duration("images.keep")
        result.keepImages = keep > .zero ? keep : nil
        result.minFreeForImages = UInt64(clamping: settings.size("images.min_free"))
        result.pullStall = settings.duration("docker.pull_stall")
        result.models = settings.path(ifSet: "models.mount")
        result.logLevel = settings.string("log.level")
        result.logsAsJSON = settings.string("log.format") == "json"
        return (result, [])
    }

    private static let standbysMax = 8

    private static func isName(_ text: String) -> Bool {
        (1...63).contains(text.utf8.count) && PlainName.make(text) == text
    }

    /// The host's name without its domain, in lower case, as cluster.yaml has it.
    static func nodeName(ofHost name: String) -> String {
        (name.split(separator: ".").first.map(String.init) ?? name).lowercased()
    }
}
