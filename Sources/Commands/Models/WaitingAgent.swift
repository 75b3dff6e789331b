/// An agent that waits to be admitted, as the API shows it.
struct WaitingAgent: Decodable, Sendable {
    var node: String
    var key: String?
    var address: String?
    var version: String?
    var since: Timestamp?
    var cluster: String?
    var role: String?
    var inFleet: Bool?
    var connected: Bool?
    var bannedAt: Timestamp?

    /// What the fleet knows of its name.
    var standing: String {
        var words = [place]
        if connected == true { words.append("connected already") }
        if bannedAt != nil { words.append("banned") }
        return words.joined(separator: ", ")
    }

    private var place: String {
        guard inFleet == true else { return "not in the fleet" }
        return cluster ?? role ?? "in the fleet"
    }

    /// That it is approved, and whom that has let in.
    var approval: String {
        let key = digits.map { ", key \($0)" } ?? ""
        let address = address.map { ", from \($0)" } ?? ""
        return "\(node) approved\(key)\(address)"
    }

    /// The first digits of its key's fingerprint: enough to compare, and to choose by.
    var digits: String? { key.map { String($0.replacing("SHA256:", with: "").prefix(16)) } }
}

/// A ban as the API answers it.
struct NodeBan: Decodable, Sendable {
    var node: String
    var bannedAt: Timestamp?
}

/// The fleet's authority, as far as people have to know it.
struct FleetAuthority: Decodable, Sendable {
    var fingerprint: String
}
