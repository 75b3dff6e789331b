import DockerEngine
import FleetCore
import Foundation
import Logging

/// Removes everything of this node, and looks whether anything is left.
struct Cleaner: Sendable {
    let engine: DockerEngine
    let labels: NodeLabels
    let network: NodeNetwork
    let folder: AttemptFolders
    let memory: IdleMemory
    let logger: Logger

    /// How long memory may take to come back when its owner has gone, and how often it is looked at.
    private static let memoryWithin = Duration.seconds(10)
    private static let memoryEvery = Duration.milliseconds(250)

    /// What is left, a line each; nothing when the node is clean.
    func clean(keeping known: Set<String>) async -> [String] {
        do {
            return try await Patience.wait { try await sweep(known) }
        } catch {
            return ["docker: \(Failure(docker: error, otherwise: .dockerUnavailable).message)"]
        }
    }

    private func sweep(_ known: Set<String>) async throws -> [String] {
        var leftovers: [String] = []
        for summary in try await engine.list(labels: labels.common)
        where labels.owns(summary.labels) {
            do {
                try await engine.remove(summary.id, force: true)
            } catch let error as DockerError where error.code != .unavailable {
                logger.warning(
                    "container cannot be removed",
                    metadata: ["container": "\(summary.name)", "error": "\(error)"])
            }
        }
        do {
            try await network.remove()
        } catch let error as DockerError where error.code != .unavailable {
            leftovers.append("network \(network.name): \(error.message)")
        }
        leftovers += await folder.removeAll(except: known)
        // What counts is not what was done but what is there.
        for summary in try await engine.list(labels: labels.common)
        where labels.owns(summary.labels) {
            leftovers.append("container \(summary.name)")
        }
        if leftovers.isEmpty, let held = try await memoryHeld() { leftovers.append(held) }
        if leftovers.isEmpty { memory.isClean() }
        return leftovers
    }

    /// Waits a little for the memory to come back; what is held after that, for people.
    private func memoryHeld() async throws -> String? {
        let end = ContinuousClock.now + Self.memoryWithin
        while let held = memory.leftover() {
            if ContinuousClock.now >= end { return held }
            try await Task.sleep(for: Self.memoryEvery, clock: .continuous)
        }
        return nil
    }
}
