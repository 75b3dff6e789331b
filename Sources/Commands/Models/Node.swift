/// A node as the API shows it, dedicated or roaming; every field but the name may be missing.
struct Node: Decodable, Sendable {
    var name: String
    var role: String?
    var cluster: String?
    var state: String?
    var cordoned: Bool?
    var draining: Bool?
    var incarnation: Loose?
    var agentVersion: String?
    var version: String?
    var since: Timestamp?
    var running: Int?
    var slots: Int?
    var address: String?
    var lastSeenAt: Timestamp?
    var bannedAt: Timestamp?
    var roamer: Roamer?
    var pods: [Pod]?
    var telemetry: Telemetry?
    var memoryPeaks: [Peak]?

    /// What containers of an image were seen to take at most, in bytes.
    struct Peak: Decodable, Sendable {
        var image: String?
        var bytes: Loose?
    }

    /// What a roamer is doing.
    struct Roamer: Decodable, Sendable {
        var state: String?
        var template: String?
        var assignment: Assignment?
        var since: Timestamp?
        var progress: Loose?
        var reason: String?
    }

    /// What a roamer is lent to, and until when.
    struct Assignment: Decodable, Sendable {
        var cluster: String?
        var image: String?
        var template: String?
        var mode: String?
        var until: Loose?
    }

    /// One running replica of a service.
    struct Pod: Decodable, Sendable {
        var name: String?
        var service: String?
        var image: String?
        var state: String?
        var reason: String?
        var since: Timestamp?
    }

    /// What was measured last: shares in percent, memory in bytes.
    struct Telemetry: Decodable, Sendable {
        var at: Timestamp?
        var stale: Bool?
        var cpu: Loose?
        var gpu: Loose?
        var memoryUsed: Loose?
        var memoryTotal: Loose?
        var temperature: Loose?
        var power: Loose?
        var containers: [Container]?
    }

    /// What a container uses: percent of one processor, and bytes of memory.
    struct Container: Decodable, Sendable {
        var name: String?
        var cpu: Loose?
        var memory: Loose?
    }

    /// Whether it was banned and has not been here since, with a certificate that is not void.
    var isOut: Bool {
        guard let banned = bannedAt?.date else { return bannedAt != nil }
        return lastSeenAt?.date.map { $0 <= banned } ?? true
    }

    /// The state with what is special about it: `ready,cordoned`.
    var condition: String {
        var words = [state ?? "unknown"]
        if draining == true {
            words.append("draining")
        } else if cordoned == true {
            words.append("cordoned")
        }
        if isOut { words.append("banned") }
        return words.joined(separator: ",")
    }

    /// Whether it belongs to the pool.
    var isRoamer: Bool { role == "roamer" || roamer != nil }

    /// Memory in use, in GB: `11/64`.
    var memory: String? {
        guard let used = telemetry?.memoryUsed?.number, let total = telemetry?.memoryTotal?.number
        else { return nil }
        return "\(Humane.whole(used / 1e9))/\(Humane.whole(total / 1e9))"
    }
}

extension Node.Assignment {
    /// For whom: `cluster vision`, `template sdxl-worker` or `image busybox`.
    var target: String {
        if let cluster { return cluster }
        return template ?? image ?? "-"
    }

    /// Until when: `until idle`, `until released` or `until 14:30:00`.
    var limit: String? {
        switch mode {
        case "untilIdle": return "until idle"
        case "manual": return "until released"
        default: return until?.text.map { "until " + Timestamp($0).clock.prefix(8) }
        }
    }
}

/// What a node measures and makes ready, as the stream tells it.
struct NodeLive: LiveModel {
    /// The type of such an event.
    static let type = "node.telemetry"

    /// A worker that is being made ready.
    struct Worker: Decodable, Sendable {
        var name: String?
        var state: String?
        var progress: Loose?
    }
    var node: String
    var running: Int?
    var lastSeenAt: Timestamp?
    var telemetry: Node.Telemetry?
    var starting: [Worker]?
}

extension Node {
    /// Takes over what it measures now.
    mutating func take(_ live: NodeLive) {
        guard live.node == name else { return }
        telemetry = live.telemetry ?? telemetry
        running = live.running ?? running
        lastSeenAt = live.lastSeenAt ?? lastSeenAt
        roamer?.progress = live.starting?.first?.progress
    }
}
