import DockerEngine

/// The network of this node's containers; made when first needed.
final class NodeNetwork: Sendable {
    /// Its name.
    let name: String
    /// The node's own address on it, once known; workers report there.
    let gateway = Latest<String?>(nil)
    private let engine: DockerEngine
    private let labels: [String: String]

    init(engine: DockerEngine, labels: NodeLabels) {
        self.engine = engine
        self.name = labels.network
        self.labels = labels.common
    }

    /// Makes sure that it exists.
    func ensure() async throws {
        let network = try await engine.ensureNetwork(name: name, labels: labels)
        note(network)
    }

    /// Looks whether an earlier life has made it.
    func find() async throws {
        guard let network = try await engine.inspectNetwork(name) else { return }
        note(network)
    }

    /// Removes it; fine when there is none.
    func remove() async throws {
        guard let network = try await engine.inspectNetwork(name) else { return }
        guard labels.allSatisfy({ network.labels[$0.key] == $0.value }) else {
            throw DockerError(.conflict, "a network named \(name) exists without our labels")
        }
        try await engine.removeNetwork(name)
    }

    private func note(_ network: NetworkInfo) {
        if let address = network.gateway, !address.isEmpty, gateway.value != address {
            gateway.set(address)
        }
    }
}
