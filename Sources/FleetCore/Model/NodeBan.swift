/// That every certificate issued to a node until an instant is void, for ever.
package struct NodeBan: Hashable, Sendable, Codable {
    /// The node's name.
    package let node: NodeName
    /// The last instant whose certificates are void.
    package let at: Instant

    /// Creates a ban.
    package init(node: NodeName, at: Instant) {
        self.node = node
        self.at = at
    }
}
