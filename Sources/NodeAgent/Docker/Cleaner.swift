import DockerEngine
import FleetCore
import Foundation
import Logging
import Telemetry

/// Removes everything of this node, and looks whether anything is left.
struct Cleaner: Sendable {
    let engine: DockerEngine
    let labels: NodeLabels
    let network: NodeNetwork
    let folder: AttemptFolders
    let memory: IdleMemory
    let ledger: ContainerLedger
    var groups = ControlGroups()
    /// How long what removed containers held may take to come back.
    var backWithin = Duration.seconds(10)
    let logger: Logger

    /// How often it is looked at until then.
    private static let lookEvery = Duration.milliseconds(250)

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
            // Once it is gone nothing tells which they were.
            ledger.removing(volumes: summary.anonymousVolumes)
            do {
                try await engine.remove(summary.id, force: true)
                ledger.removed(summary.id)
            } catch let error as DockerError where error.code != .unavailable {
                logger.warning(
                    "container cannot be removed",
                    metadata: ["container": "\(summary.name)", "error": "\(error)"])
            }
        }
        // Those of containers that Docker lost when it was killed, and those that it did not or
        // could not remove with theirs: of these it says nothing.
        for volume in try await volumesLeft() {
            do {
                try await engine.removeVolume(volume)
            } catch let error as DockerError where error.code != .unavailable {
                logger.warning(
                    "volume cannot be removed",
                    metadata: ["volume": "\(volume)", "error": "\(error)"])
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
        leftovers += try await volumesLeft().map { "volume \($0)" }
        if leftovers.isEmpty { leftovers = try await held() }
        if leftovers.isEmpty {
            memory.isClean()
            ledger.isClean()
        }
        return leftovers
    }

    /// Volumes with our labels, and of those that were to go with their containers all that are
    /// still there: what an image declares has no labels.
    private func volumesLeft() async throws -> [String] {
        var volumes = Set(try await engine.listVolumes(labels: labels.common))
        for volume in ledger.volumes where !volumes.contains(volume) {
            if try await engine.hasVolume(volume) { volumes.insert(volume) }
        }
        return volumes.sorted()
    }

    /// Waits a little for processes to end and memory to come back; what is held after that, for people.
    private func held() async throws -> [String] {
        let end = ContinuousClock.now + backWithin
        while true {
            let held = processesLeft + [memory.leftover()].compactMap { $0 }
            if held.isEmpty || ContinuousClock.now >= end { return held }
            try await Task.sleep(for: Self.lookEvery, clock: .continuous)
        }
    }

    /// Containers that Docker has removed and that still have processes: those hold devices, the GPU's too,
    /// until they end.
    ///
    /// A process that hangs in a driver outlives its container; what has none has no device open.
    private var processesLeft: [String] {
        ledger.removed.filter { groups.hasProcesses(of: $0) }.map {
            "processes of the removed container \($0.prefix(12)), with the devices they hold"
        }
    }
}
