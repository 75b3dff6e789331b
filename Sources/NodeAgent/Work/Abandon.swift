import FleetCore
import Synchronization

/// Ends what is still being done for an attempt when the attempt is forgotten.
final class AbandonTable: Sendable {
    private struct State {
        var running: [AttemptKey: [UInt64: Latest<Bool>]] = [:]
        var last: UInt64 = 0
    }
    private let state = Mutex(State())

    /// Runs a body that is cancelled by `abandon`; nil when it was.
    func run<Result: Sendable>(
        _ key: AttemptKey, _ body: @escaping @Sendable () async -> Result
    ) async -> Result? {
        let flag = Latest(false)
        let id = state.withLock { state in
            state.last += 1
            state.running[key, default: [:]][state.last] = flag
            return state.last
        }
        defer {
            state.withLock { state in
                state.running[key]?[id] = nil
                if state.running[key]?.isEmpty == true { state.running[key] = nil }
            }
        }
        return await withTaskGroup(of: Result?.self) { group in
            group.addTask { await body() }
            group.addTask {
                _ = try? await flag.wait { $0 }
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }

    /// Cancels what runs for the attempt.
    func abandon(_ key: AttemptKey) {
        let flags = state.withLock { state in
            (state.running.removeValue(forKey: key) ?? [:]).values.map(\.self)
        }
        for flag in flags { flag.set(true) }
    }
}
