import Foundation

/// Where agents find the controller, as far as it can be told from how jctl reaches it.
struct ControllerPlace: Equatable {
    /// The controller's host, for an agent's settings.
    var host: String
    /// The port of its API; nil for the one that agents take by themselves, and where it is not known.
    var apiPort: Int?
    /// Whether the host is this machine, and so by a name that another may not know it by.
    var isHere: Bool

    /// The port of the API that agents take when they are told none.
    private static let usualPort = 8443

    init(_ address: Endpoint.Address, thisMachine: String) {
        (host, apiPort, isHere) = (thisMachine, nil, true)
        guard case .url(let base) = address, let parts = URLComponents(string: base),
            var name = parts.host
        else { return }
        if name.hasPrefix("["), name.hasSuffix("]") { name = String(name.dropFirst().dropLast()) }
        if !Endpoint.isLoopback(name) { (host, isHere) = (name, false) }
        let port = parts.port ?? 443
        // What is reached by HTTP is not what agents need.
        if parts.scheme == "https", port != Self.usualPort { apiPort = port }
    }
}
