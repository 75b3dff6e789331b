import FleetCore
import Foundation

/// What is found on the controller's own machine.
enum MachineFindings {
    /// Free space below which something is about to go wrong, and below which it does, in bytes.
    private static let little: UInt64 = 5_000_000_000
    private static let tooLittle: UInt64 = 500_000_000

    /// The disk under a folder.
    static func disk(_ folder: String) -> Finding {
        do throws(DiskSpace.Failure) {
            guard let space = try DiskSpace(under: folder) else {
                return .ok("disk", "\(folder) does not say how much is free")
            }
            return disk(free: space.free, in: folder)
        } catch {
            return .failed(
                "disk", "\(folder) cannot be looked at: \(error.reason)",
                action: "is the folder still there?")
        }
    }

    /// What so much free space in a folder means.
    static func disk(free: UInt64, in folder: String) -> Finding {
        let text = "\(humaneBytes(free)) are free under \(folder)"
        if free < tooLittle {
            return .failed("disk", text, action: "make room: jobs cannot be stored on a full disk")
        }
        if free < little {
            return .warning("disk", text, action: "make room soon: outputs, logs and Redis need it")
        }
        return .ok("disk", text)
    }

    /// A certificate that ends.
    static func certificate(_ what: String, ends: Date, now: Date, action: String) -> Finding {
        let days = Int((ends.timeIntervalSince(now) / 86_400).rounded(.down))
        let day = ends.formatted(.iso8601.year().month().day())
        if days < 0 {
            return .failed("certificate", "it ended on \(day)", subject: what, action: action)
        }
        if days < 30 {
            return .warning(
                "certificate", "it ends in \(days) days, on \(day)", subject: what, action: action)
        }
        return .ok("certificate", "it is good until \(day)", subject: what)
    }

    /// Certificates of agents that are connected, by the names of their nodes.
    static func certificates(_ agents: [(node: String, ends: Date)], now: Date) -> [Finding] {
        guard !agents.isEmpty else { return [] }
        let ending = agents.map {
            certificate(
                $0.node, ends: $0.ends, now: now,
                action:
                    "its agent should have renewed it, and its log says why not; or `spark-controller certify \($0.node)`, see docs/operations.md"
            )
        }
        .filter { $0.status != .ok }
        return ending.isEmpty
            ? [.ok("certificate", "those of \(agents.count) nodes are good", subject: "nodes")]
            : ending
    }

    /// The hosts that a fleet's file names, each once, with what they are for.
    static func hosts(of fleet: FleetSpec) -> [(what: String, host: String)] {
        var hosts: [(what: String, host: String)] = []
        func add(_ what: String, _ host: String?) {
            let host = host?.trimmingCharacters(in: ["[", "]"])
            guard let host, !host.isEmpty, !hosts.contains(where: { $0.host == host }) else {
                return
            }
            hosts.append((what, host))
        }
        // A name, or an address of IPv6 in brackets, and a port.
        add("registry", URLComponents(string: "http://\(fleet.registry)")?.host)
        add("storage", fleet.storage.flatMap { URLComponents(string: $0.endpoint)?.host })
        let source = fleet.models?.source ?? ""
        // A folder of the machine itself names nobody.
        if let end = source.firstRange(of: ":/"), end.lowerBound > source.startIndex {
            add("models", String(source[..<end.lowerBound]))
        }
        return hosts
    }

    /// How far the wall clock is ahead of the clock that the controller goes by, in seconds.
    static func clock(ahead seconds: Double) -> Finding {
        guard abs(seconds) >= 2 else { return .ok("clock", "it has not been set since the start") }
        let shown = (abs(seconds) * 10).rounded() / 10
        return .warning(
            "clock",
            "the wall clock was set \(shown) s \(seconds > 0 ? "forward" : "back") since the start",
            action: "times shown are off by so much; restart the controller when it suits")
    }
}
