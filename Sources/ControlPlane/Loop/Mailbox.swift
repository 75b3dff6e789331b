import Synchronization

/// Where everything that happens to the machine waits until the loop takes it, all at once.
final class Mailbox<Item: Sendable>: Sendable {
    private struct State {
        var items: [Item] = []
        var sleeper: CheckedContinuation<Void, Never>?
        var isClosed = false
    }
    private let state = Mutex(State())

    /// Puts an item in and wakes the loop; false when the loop has ended.
    @discardableResult
    func post(_ item: Item) -> Bool {
        let (taken, sleeper) = state.withLock { state in
            if state.isClosed { return (false, CheckedContinuation<Void, Never>?.none) }
            state.items.append(item)
            return (true, state.sleeper.take())
        }
        sleeper?.resume()
        return taken
    }

    /// Takes nothing in any more, and hands out what still waits.
    func close() -> [Item] {
        state.withLock { state in
            state.isClosed = true
            let items = state.items
            state.items = []
            return items
        }
    }

    /// Wakes the loop with nothing.
    func nudge() {
        state.withLock { $0.sleeper.take() }?.resume()
    }

    /// Takes everything that waits, in order.
    func takeAll() -> [Item] {
        state.withLock { state in
            let items = state.items
            state.items = []
            return items
        }
    }

    /// Waits until something is there, or a nudge, or cancellation.
    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = state.withLock { state in
                    if !state.items.isEmpty || Task.isCancelled { return true }
                    state.sleeper = continuation
                    return false
                }
                if now { continuation.resume() }
            }
        } onCancel: {
            nudge()
        }
    }
}
