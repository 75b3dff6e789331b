import NIOHTTP1

extension DockerEngine {
    /// Lists the names of the volumes that carry all the labels, sorted.
    package func listVolumes(labels: [String: String]) async throws -> [String] {
        let filters = try Filters.encode(labels: labels)
        let answer = try await send(Call(.GET, ["volumes"], query: [("filters", filters)]))
        return try answer.json()["Volumes"].elements.compactMap { $0["Name"].string }.sorted()
    }

    /// Whether there is a volume of that name.
    package func hasVolume(_ name: String) async throws -> Bool {
        try Names.check(name, "volume name")
        do {
            _ = try await send(Call(.GET, ["volumes", name]))
            return true
        } catch let error as DockerError where error.status == 404 {
            return false
        }
    }

    /// Removes a volume; fine when there is none.
    ///
    /// - Throws: `.conflict` while a container has it.
    package func removeVolume(_ name: String) async throws {
        try Names.check(name, "volume name")
        do {
            _ = try await send(Call(.DELETE, ["volumes", name]))
        } catch let error as DockerError where error.status == 404 {
            return
        }
    }
}
