import RedisStore
package import Settings

/// Everything the controller can be told, checked.
package struct ControllerSettings: Sendable {
    /// Where it keeps its certificates, its socket and its own Redis.
    package let stateDir: String
    /// The fleet applied at the start; nil for the last one applied.
    package let fleetFile: String?
    /// Where agents connect.
    package let link: Listener
    /// Where people and programs connect.
    package let api: Listener
    /// The Redis to use; nil for one of its own.
    package let redisURL: String?
    /// Whether another controller on the same Redis may take over while this one runs.
    package let failover: Bool
    /// The S3 key pair; nil when outputs are kept in the state folder.
    package let storageKeys: StorageKeys?
    /// Names and addresses, beside those of this machine, that the certificate shall be good for.
    package let serverNames: [String]
    /// The name under which agents reach the API, for uploads; nil for where it listens, or this machine's.
    package let publicHost: String?
    /// When a node is believed alive.
    package let liveness: Liveness
    /// How long the logs of jobs are kept, from when a job ended.
    package let keepLogs: Duration
    /// How long an upload can be the input of new jobs.
    package let keepUploads: Duration
    /// How long outputs are kept; nil for ever.
    package let keepOutputs: Duration?
    /// How long events are kept.
    package let keepEvents: Duration
    /// How long it is kept who did what.
    package let keepAudit: Duration
    /// How old the latest backup may be before the controller makes one; nil when it shall make none.
    package let backupEvery: Duration?
    /// How many of the backups that the controller made by itself are kept.
    package let keepBackups: Int
    /// Where webhooks may go beside the public network.
    let webhookRules: WebhookRules
    /// A file of certificates that webhooks may trust beside those of the system.
    package let webhookTrust: String?
    /// The least severe log line written, as swift-log names it.
    package let logLevel: String
    /// Whether log lines are JSON.
    package let logsAsJSON: Bool

    /// How old the proof that this controller still leads may be for leases to be renewed, when
    /// another may take over.
    ///
    /// A node hears the last renewal of a deposed leader at most this long after its successor began
    /// to count, and stops `stopAfter` later; so `lostAfter` must be as long as both together.
    package static let leadWithin = Duration.seconds(10)

    /// An address to listen on.
    package struct Listener: Hashable, Sendable {
        /// The address of an interface, or a host name.
        package let host: String
        /// The TCP port; 0 for any free one.
        package let port: Int
    }

    /// An S3 key pair.
    package struct StorageKeys: Sendable {
        /// The public half.
        package let accessKey: String
        /// The secret half.
        package let secretKey: String
    }

    /// The times around leases: heartbeat < stopAfter < lostAfter.
    package struct Liveness: Hashable, Sendable {
        /// How often an agent reports.
        package let heartbeat: Duration
        /// When an agent that hears nothing stops its work.
        package let stopAfter: Duration
        /// When the controller gives a silent node's work away.
        package let lostAfter: Duration
    }

    /// The table of settings.
    package static let source = SettingsSource([
        SettingSpec(
            "config", .path, default: "/etc/jessica/controller.yaml", inFile: false,
            help: "The file with these settings."),
        SettingSpec(
            "state_dir", .path, default: "/var/lib/jessica/controller",
            help: "The folder for certificates, the admin socket and the controller's own Redis."),
        SettingSpec(
            "fleet_file", .path, help: "A cluster.yaml to apply at the start."),
        SettingSpec(
            "link.host", .string, default: "0.0.0.0", help: "The address agents connect to."),
        SettingSpec(
            "link.port", .int(0...65_535), default: "7443", help: "The port agents connect to."),
        SettingSpec(
            "link.heartbeat", .duration(.milliseconds(100)...(.seconds(60))), default: "5s",
            help: "How often an agent reports."),
        SettingSpec(
            "link.stop_after", .duration(.milliseconds(200)...(.seconds(3600))), default: "30s",
            help: "When an agent that hears nothing from the controller stops its work."),
        SettingSpec(
            "link.lost_after", .duration(.milliseconds(300)...(.seconds(7200))), default: "45s",
            help: "When a silent node's work is given to another; longer than link.stop_after."),
        SettingSpec(
            "api.host", .string, default: "0.0.0.0",
            help:
                "The address of the HTTP API, for people, programs and agents without a certificate."
        ),
        SettingSpec(
            "api.port", .int(0...65_535), default: "8443",
            help: "The port of the HTTP API."),
        SettingSpec(
            "server_names", .list,
            help: "More names and addresses of this machine, for its certificate."),
        SettingSpec(
            "public_host", .string,
            help:
                "The name or address by which agents reach the API; else api.host, or this machine's name."
        ),
        SettingSpec(
            "redis.url", .string, secret: true,
            help: "The Redis to use, redis://host:6379; without it the controller starts its own."),
        SettingSpec(
            "failover", .bool,
            help: """
                Another controller on the same redis.url may take over: leases are renewed only while \
                Redis has confirmed within 10s that this one leads.
                """),
        SettingSpec("storage.access_key", .string, help: "The S3 access key."),
        SettingSpec("storage.secret_key", .string, secret: true, help: "The S3 secret key."),
        SettingSpec(
            "logs.keep", .duration(.seconds(3_600)...(.seconds(3_650 * 86_400))), default: "7d",
            help: "How long the logs of jobs are kept, from when a job ended."),
        SettingSpec(
            "uploads.keep", .duration(.seconds(3_600)...(.seconds(3_650 * 86_400))), default: "30d",
            help:
                "How long an uploaded file can be the input of new jobs; it is deleted 30 days later."
        ),
        SettingSpec(
            "outputs.keep", .duration(.zero...(.seconds(3_650 * 86_400))), default: "0s",
            help: "How long the outputs of jobs are kept, at least 30d; 0s: for ever."),
        SettingSpec(
            "events.keep", .duration(.seconds(3_600)...(.seconds(3_650 * 86_400))), default: "7d",
            help:
                "How long events are kept, 1,000,000 of them at most and the last 10,000 in any case."
        ),
        SettingSpec(
            "audit.keep", .duration(.seconds(3_600)...(.seconds(3_650 * 86_400))), default: "365d",
            help: "How long it is kept who did what, and who was refused."),
        SettingSpec(
            "backups.every", .duration(.zero...(.seconds(3_650 * 86_400))), default: "1d",
            help:
                "How old the latest backup may be before the controller makes one; 0s: it makes none."
        ),
        SettingSpec(
            "backups.keep", .int(1...1_000), default: "14",
            help: "How many of the backups that the controller made by itself are kept."),
        SettingSpec(
            "webhooks.hosts", .list,
            help: """
                The only hosts that webhooks may go to, *.example.org for all below one; when left out, \
                any that is public.
                """),
        SettingSpec(
            "webhooks.allow", .list,
            help: """
                Hosts, addresses and networks such as 10.0.0.0/8 that webhooks may go to though they are \
                private, also over http.
                """),
        SettingSpec(
            "webhooks.ca_file", .path,
            help: "A file of certificates that webhooks trust beside those of the system."),
        SettingSpec(
            "log.level",
            .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]),
            default: "info", help: "The least severe log line written."),
        SettingSpec(
            "log.format", .choice(["text", "json"]), default: "text",
            help: "How log lines are written."),
        SettingSpec(
            "check_config", .bool, inFile: false, help: "Check the settings and exit."),
    ])

    /// Takes the typed values out, or says which contradict each other.
    package static func load(_ settings: ResolvedSettings) -> (
        settings: ControllerSettings?, mistakes: [Mistake]
    ) {
        var mistakes: [Mistake] = []
        let liveness = Liveness(
            heartbeat: settings.duration("link.heartbeat"),
            stopAfter: settings.duration("link.stop_after"),
            lostAfter: settings.duration("link.lost_after"))
        if liveness.stopAfter < liveness.heartbeat * 2 {
            mistakes.append(
                settings.mistake("link.stop_after", "must be at least twice link.heartbeat"))
        }
        if liveness.lostAfter <= liveness.stopAfter {
            mistakes.append(
                settings.mistake("link.lost_after", "must be longer than link.stop_after"))
        }
        let ports = (link: settings.int("link.port"), api: settings.int("api.port"))
        if ports.link == ports.api, ports.link != 0 {
            mistakes.append(settings.mistake("api.port", "must differ from link.port"))
        }
        let failover = settings.bool("failover")
        if failover, liveness.lostAfter < liveness.stopAfter + Self.leadWithin {
            mistakes.append(
                settings.mistake(
                    "link.lost_after",
                    """
                    must be at least \(DurationText.format(Self.leadWithin)) longer than \
                    link.stop_after when failover is on
                    """))
        }
        if failover, settings.string(ifSet: "redis.url") == nil {
            mistakes.append(
                settings.mistake(
                    "failover", "needs redis.url: nobody else reaches a private Redis"))
        }
        let every = settings.duration("backups.every")
        if every > .zero, every < BackupKeeper.lookEvery {
            let least = DurationText.format(BackupKeeper.lookEvery)
            mistakes.append(
                settings.mistake("backups.every", "must be 0s, or \(least) and more"))
        }
        let access = settings.string(ifSet: "storage.access_key")
        let secret = settings.string(ifSet: "storage.secret_key")
        if (access == nil) != (secret == nil) {
            let missing = access == nil ? "storage.access_key" : "storage.secret_key"
            let given = access == nil ? "storage.secret_key" : "storage.access_key"
            mistakes.append(settings.mistake(given, "needs \(missing) too"))
        }
        let keepOutputs = settings.duration("outputs.keep")
        if keepOutputs > .zero, keepOutputs < FleetStore.jobRetention {
            mistakes.append(
                settings.mistake(
                    "outputs.keep",
                    "must be at least 30d, as ended jobs are listed for so long; 0s: for ever"))
        }
        let hosts: WebhookHosts
        do {
            hosts = try WebhookHosts(settings.list("webhooks.hosts"))
        } catch {
            return (nil, mistakes + [settings.mistake("webhooks.hosts", error.description)])
        }
        let rules: WebhookRules
        do {
            rules = try WebhookRules(allow: settings.list("webhooks.allow"), only: hosts)
        } catch {
            return (nil, mistakes + [settings.mistake("webhooks.allow", error.description)])
        }
        guard mistakes.isEmpty else { return (nil, mistakes) }
        var keys: StorageKeys?
        if let access, let secret { keys = StorageKeys(accessKey: access, secretKey: secret) }
        let result = ControllerSettings(
            stateDir: settings.path("state_dir"), fleetFile: settings.path(ifSet: "fleet_file"),
            link: Listener(host: settings.string("link.host"), port: settings.int("link.port")),
            api: Listener(host: settings.string("api.host"), port: settings.int("api.port")),
            redisURL: settings.string(ifSet: "redis.url"), failover: failover,
            storageKeys: keys,
            serverNames: settings.list("server_names")
                + [settings.string(ifSet: "public_host")].compactMap(\.self),
            publicHost: settings.string(ifSet: "public_host"), liveness: liveness,
            keepLogs: settings.duration("logs.keep"),
            keepUploads: settings.duration("uploads.keep"),
            keepOutputs: keepOutputs > .zero ? keepOutputs : nil,
            keepEvents: settings.duration("events.keep"),
            keepAudit: settings.duration("audit.keep"),
            backupEvery: every > .zero ? every : nil, keepBackups: settings.int("backups.keep"),
            webhookRules: rules,
            webhookTrust: settings.path(ifSet: "webhooks.ca_file"),
            logLevel: settings.string("log.level"),
            logsAsJSON: settings.string("log.format") == "json")
        return (result, [])
    }

    /// Where agents reach the API, on a machine of that name.
    ///
    /// What it listens on may be every interface, which is the address of none.
    func publicAddress(hostName: String) -> String {
        let listensEverywhere = ["0.0.0.0", "::"].contains(api.host)
        let host = publicHost ?? (listensEverywhere ? hostName : api.host)
        return "https://\(host.contains(":") ? "[\(host)]" : host):\(api.port)"
    }
}
