import Synchronization

/// Where everything that happens to the machine waits until the loop takes it, all at once.
final class Mailbox<Item: Sendable>: Sendable {
    private struct State {
        var items: [Item] = []
        var sleeper: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())

    /// Puts an item in and wakes the loop.
    func post(_ item: Item) {
        let sleeper = state.withLock { state in
            state.items.append(item)
            return state.sleeper.take()
        }
        sleeper?.resume()
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
