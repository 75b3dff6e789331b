import FleetCore
import Synchronization

/// The references in the inputs of jobs asked about lately.
///
/// A node asks for each of a job's files by itself, and an input may have to be fetched and read to know
/// that it refers to one. An input never changes.
final class KnownReferences: Sendable {
    private struct State {
        var references: [JobID: [InputReference]] = [:]
        /// Oldest first.
        var order: [JobID] = []
    }
    private let state = Mutex(State())

    /// Jobs that are remembered, each with at most ``InputReferences/limit`` references.
    static let limit = 64

    /// Those of a job; nil when they are not remembered.
    func references(of job: JobID) -> [InputReference]? {
        state.withLock { $0.references[job] }
    }

    /// Remembers those of a job, and forgets the oldest.
    func note(_ references: [InputReference], of job: JobID) {
        state.withLock { state in
            if state.references.updateValue(references, forKey: job) == nil {
                state.order.append(job)
            }
            guard state.order.count > Self.limit else { return }
            state.references[state.order.removeFirst()] = nil
        }
    }
}
