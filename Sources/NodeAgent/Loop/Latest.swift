import Synchronization

/// A value that changes, and tasks that wait for it to be right.
final class Latest<Value: Sendable & Equatable>: Sendable {
    private struct State {
        var value: Value
        var waiters: [UInt64: Waiter] = [:]
        var lastWaiter: UInt64 = 0
    }
    private struct Waiter {
        var isWanted: @Sendable (Value) -> Bool
        var continuation: CheckedContinuation<Value?, Never>
    }
    private let state: Mutex<State>

    init(_ value: Value) { state = Mutex(State(value: value)) }

    /// The value now.
    var value: Value { state.withLock { $0.value } }

    /// Sets the value, and wakes those who waited for it.
    func set(_ value: Value) {
        let woken = state.withLock { state in
            state.value = value
            let ready = state.waiters.filter { $0.value.isWanted(value) }
            for id in ready.keys { state.waiters[id] = nil }
            return Array(ready.values)
        }
        for waiter in woken { waiter.continuation.resume(returning: value) }
    }

    /// Waits for a value that is wanted.
    ///
    /// Throws `CancellationError`.
    func wait(until isWanted: @escaping @Sendable (Value) -> Bool) async throws -> Value {
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        let value = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now: Value?? = state.withLock { state in
                    if isWanted(state.value) { return .some(state.value) }
                    if Task.isCancelled { return .some(nil) }
                    state.waiters[id] = Waiter(isWanted: isWanted, continuation: continuation)
                    return nil
                }
                if let now { continuation.resume(returning: now) }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiters.removeValue(forKey: id) }
            waiter?.continuation.resume(returning: nil)
        }
        guard let value else { throw CancellationError() }
        return value
    }
}
