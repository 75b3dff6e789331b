import NIOCore
import NIOHTTP1

extension DockerEngine {
    /// Makes sure that a network of this name with these labels exists.
    ///
    /// An existing one is adopted when it carries all the labels. Safe to call concurrently: when
    /// two creations slip past the daemon's check, all callers settle on the older network and
    /// the creator of the younger one removes it.
    ///
    /// - Parameters:
    ///   - name: The network's name.
    ///   - labels: The labels that mark it as ours.
    ///   - internal: True for a network without a way out.
    ///   - driver: `bridge`, or `overlay` for a network over several hosts (then attachable).
    /// - Returns: The network.
    /// - Throws: `.conflict` when the name belongs to a network that is not ours.
    package func ensureNetwork(
        name: String, labels: [String: String], internal: Bool = false, driver: String = "bridge"
    ) async throws -> NetworkInfo {
        try Names.check(name, "network name")
        if let existing = try await inspectNetwork(name) {
            return try Self.adopting(existing, labels)
        }
        let body = JSONValue.object([
            "Name": .string(name), "CheckDuplicate": .bool(true), "Driver": .string(driver),
            "Internal": .bool(`internal`), "Attachable": .bool(driver == "overlay"),
            "Labels": .map(labels),
        ])
        let created: String?
        do {
            let answer = try await send(Call(.POST, ["networks", "create"]).json(body))
            created = try answer.json()["Id"].string
        } catch let error as DockerError where error.status == 409 {
            created = nil
        }
        guard let winner = try await inspectNetwork(name) else {
            throw DockerError(.conflict, "the network \(name) vanished while it was made")
        }
        if let created, created != winner.id {
            try? await delete(network: created)
        }
        return try Self.adopting(winner, labels)
    }

    /// The network of exactly this name; the oldest when there are several, nil when there is none.
    package func inspectNetwork(_ name: String) async throws -> NetworkInfo? {
        try Names.check(name, "network name")
        // Listing instead of GET /networks/NAME: that one also takes the name for an id's
        // beginning, and fails when the name is there twice.
        return try await listNetworks(labels: [:], ["name": [name]])
            .filter { $0.name == name }
            .min { ($0.created, $0.id) < ($1.created, $1.id) }
    }

    /// Removes a network by its name; fine when there is none.
    ///
    /// - Throws: `.conflict` while containers are connected to it.
    package func removeNetwork(_ name: String) async throws {
        guard let network = try await inspectNetwork(name) else { return }
        try await delete(network: network.id)
    }

    /// Joins a running container to one more network, under more names than its own.
    ///
    /// For one that does not run the daemon takes any name, and refuses to start it later.
    ///
    /// - Throws: `.notFound` when there is no such network or container; `.conflict` when the network
    ///   cannot be joined, or it has joined.
    package func connect(_ container: String, to network: String, aliases: [String]) async throws {
        try Names.check(container, "container id")
        try Names.check(network, "network name")
        let body = JSONValue.object([
            "Container": .string(container),
            "EndpointConfig": .object(["Aliases": .list(aliases)]),
        ])
        _ = try await send(try Call(.POST, ["networks", network, "connect"]).json(body))
    }

    /// Lists the networks that carry all the labels, by name.
    package func listNetworks(labels: [String: String]) async throws -> [NetworkInfo] {
        try await listNetworks(labels: labels, [:])
    }

    private func listNetworks(
        labels: [String: String], _ filters: [String: [String]]
    ) async throws -> [NetworkInfo] {
        let filters = try Filters.encode(labels: labels, filters)
        let answer = try await send(Call(.GET, ["networks"], query: [("filters", filters)]))
        return try answer.json().elements.compactMap(NetworkInfo.init(json:))
            .sorted { ($0.name, $0.created, $0.id) < ($1.name, $1.created, $1.id) }
    }

    private func delete(network id: String) async throws {
        do {
            _ = try await send(Call(.DELETE, ["networks", id]))
        } catch let error as DockerError where error.status == 404 {
            return
        }
    }

    private static func adopting(
        _ network: NetworkInfo, _ labels: [String: String]
    ) throws(DockerError) -> NetworkInfo {
        guard labels.allSatisfy({ network.labels[$0.key] == $0.value }) else {
            throw DockerError(
                .conflict, "a network named \(network.name) exists without our labels")
        }
        return network
    }
}
