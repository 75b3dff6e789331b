import Logging
import NIOCore
import NIOHTTP1

extension DockerEngine {
    /// Makes a container and returns its id.
    ///
    /// - Throws: `.nameConflict` when the name is taken, `.imageNotFound`, `.invalidArgument` for an
    ///   unknown runtime or a missing mount source.
    package func create(name: String, _ spec: ContainerSpec) async throws -> String {
        try Names.check(name, "container name")
        let call = try Call(.POST, ["containers", "create"], query: [("name", name)])
            .json(spec.json())
        let answer: JSONValue
        do {
            answer = try await send(call).json()
        } catch var error as DockerError where error.status == 409 {
            var existing = Self.conflictingID(in: error.message)
            if existing == nil { existing = try await inspect(name)?.id }
            error.code = .nameConflict(existingID: existing)
            throw error
        } catch var error as DockerError
            where error.status == 404 && error.message.lowercased().contains("no such image")
        {
            error.code = .imageNotFound
            throw error
        }
        guard let id = answer["Id"].string, !id.isEmpty else {
            throw DockerError(.malformedAnswer, "the daemon made a container without an id")
        }
        for warning in answer["Warnings"].strings {
            logger.debug("the daemon warns", metadata: ["docker.warning": "\(warning)"])
        }
        return id
    }

    /// Describes a container, by id or name; nil when there is none.
    package func inspect(_ id: String) async throws -> ContainerInfo? {
        try Names.check(id, "container id")
        do {
            let answer = try await send(Call(.GET, ["containers", id, "json"]))
            guard let info = ContainerInfo(json: try answer.json()) else {
                throw DockerError(.malformedAnswer, "the daemon describes no container")
            }
            return info
        } catch let error as DockerError where error.status == 404 {
            return nil
        }
    }

    /// Lists the containers that carry all the labels, sorted by name.
    ///
    /// - Parameters:
    ///   - labels: Labels to match; an empty value matches any value of that label.
    ///   - all: True for those that do not run, too.
    /// - Returns: The containers.
    /// - Throws: `.unavailable`.
    package func list(
        labels: [String: String] = [:], all: Bool = true
    ) async throws -> [ContainerSummary] {
        let filters = try Filters.encode(labels: labels)
        let answer = try await send(
            Call(
                .GET, ["containers", "json"],
                query: [("all", all ? "1" : "0"), ("filters", filters)]))
        guard case .array(let elements) = try answer.json() else {
            throw DockerError(.malformedAnswer, "the daemon's list of containers is no list")
        }
        return elements.compactMap(ContainerSummary.init(json:))
            .sorted { ($0.name, $0.id) < ($1.name, $1.id) }
    }

    /// Removes a container; fine when there is none.
    ///
    /// A removal that is already going on is waited for, about 30 seconds at most.
    ///
    /// - Parameters:
    ///   - id: The container's id or name.
    ///   - force: True to kill it first when it runs.
    ///   - removeVolumes: True to remove its anonymous volumes, too.
    /// - Throws: `.conflict` when it runs and `force` is false.
    package func remove(
        _ id: String, force: Bool = false, removeVolumes: Bool = true
    ) async throws {
        try Names.check(id, "container id")
        let call = Call(
            .DELETE, ["containers", id],
            query: [("force", force ? "1" : "0"), ("v", removeVolumes ? "1" : "0")])
        var pause = Duration.milliseconds(50)
        for attempt in 1... {
            do {
                _ = try await send(call)
                return
            } catch let error as DockerError where error.status == 404 {
                return
            } catch let error as DockerError
                where error.status == 409 && error.message.contains("already in progress")
            {
                guard attempt < 34 else { throw error }
            }
            try await Task.sleep(for: pause, clock: .continuous)
            pause = min(pause * 2, .seconds(1))
        }
    }

    /// The id in `… is already in use by container "511203ad…". You have to …`.
    static func conflictingID(in message: String) -> String? {
        guard let range = message.firstRange(of: "in use by container ") else { return nil }
        let id = message[range.upperBound...].drop { $0 == "\"" }
            .prefix { $0.isASCII && $0.isHexDigit }
        return (12...64).contains(id.count) ? String(id) : nil
    }
}
