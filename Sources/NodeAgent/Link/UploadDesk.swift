import FleetCore
import Synchronization

/// Asks the controller where outputs may be put.
final class UploadDesk: Sendable {
    private struct State {
        var last: UInt64 = 0
        var pending: [UInt64: Latest<UploadGrant?>] = [:]
    }
    private let link: AgentLink
    private let state = Mutex(State())

    /// How long the controller may take to answer.
    private static let answerWithin = Duration.seconds(30)

    init(link: AgentLink) {
        self.link = link
        link.grants.withLock { grants in
            grants = { [weak self] id, grant in self?.answered(id, grant) }
        }
    }

    /// A grant, or a refusal.
    ///
    /// Waits for the link as long as it takes; throws `CancellationError`.
    func grant(_ request: UploadRequest) async throws -> UploadGrant {
        while true {
            let epoch = try await link.live.wait { $0 != nil }
            let answer = Latest<UploadGrant?>(nil)
            let id = state.withLock { state in
                state.last += 1
                state.pending[state.last] = answer
                return state.last
            }
            defer { _ = state.withLock { $0.pending.removeValue(forKey: id) } }
            guard link.sendLive(.uploadRequest(id: id, request)) else { continue }
            if let grant = try await wait(answer, epoch) { return grant }
        }
    }

    /// Waits until the answer comes, the link breaks or the time is over.
    private func wait(
        _ answer: Latest<UploadGrant?>, _ epoch: UInt64?
    ) async throws -> UploadGrant? {
        let link = link
        return try await withThrowingTaskGroup(of: UploadGrant?.self) { group in
            group.addTask { try await answer.wait { $0 != nil } }
            group.addTask {
                _ = try await link.live.wait { $0 != epoch }
                return nil
            }
            group.addTask {
                try await Task.sleep(for: Self.answerWithin, clock: .continuous)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    private func answered(_ id: UInt64, _ grant: UploadGrant) {
        state.withLock { $0.pending[id] }?.set(grant)
    }
}
