import OrderedCollections

extension Controller {
    /// Certificates issued to a node that is banned are of an instant at least so long after the ban.
    ///
    /// The instant on a certificate has whole seconds, cut off.
    private static let afterBan = Duration.seconds(1)

    /// Whether a certificate issued to a node then is void.
    package func isVoid(certificateOf node: NodeName, issuedAt: Instant) -> Bool {
        Self.isVoid(issuedAt, by: bans[node])
    }

    /// Whether a ban, where there is one, makes void what was issued then.
    package static func isVoid(_ issuedAt: Instant, by ban: Instant?) -> Bool {
        ban.map { issuedAt <= $0 } ?? false
    }

    /// The earliest instant from `wall` on at which a certificate for a node can be issued that is not void.
    package func issueTime(for node: NodeName, at wall: Instant) -> Instant {
        bans[node].map { Swift.max(wall, $0 + Self.afterBan) } ?? wall
    }

    /// Makes all certificates of a node void; it need not be in the fleet.
    ///
    /// Its session ends at once. What runs there ends as on any node that is not heard: the agent stops it
    /// when its leases run out, and later it is tried elsewhere.
    mutating func banNode(
        _ request: RequestID, _ name: NodeName, _ wall: Instant, _ now: Instant,
        _ effects: inout Effects
    ) {
        // What was issued since the last ban may be of an instant that is still to come, and the wall clock may
        // have been set forward since ours was set by it.
        bans[name] = issueTime(for: name, at: Swift.max(now, wall))
        effects.bans.append(name)
        let state = nodes[name]?.state.rawValue
        emit(.node, now, &effects, node: name, from: state, to: state, reason: "banned")
        if let session = nodes[name]?.session {
            effects.closes.append(voidCertificate(of: name, session))
            disconnected(name, session, now, &effects)
        }
        effects.replies.append((request, .done))
    }

    /// The end of a session whose certificate is void.
    func voidCertificate(of name: NodeName, _ session: SessionID) -> Effects.Closing {
        Effects.Closing(
            session, "node \(name) was banned: its certificate is void", certificateIsVoid: true)
    }
}
