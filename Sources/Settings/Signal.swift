import Synchronization

/// A wake-up for one sleeper; a nudge that comes while nobody sleeps is kept for the next who does.
package final class Signal: Sendable {
    private struct State {
        var isRaised = false
        var sleeper: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())

    /// Creates a signal that nobody has nudged yet.
    package init() {}

    /// Wakes the sleeper, or the next one at once.
    package func nudge() {
        let sleeper = state.withLock { state in
            let sleeper = state.sleeper.take()
            if sleeper == nil { state.isRaised = true }
            return sleeper
        }
        sleeper?.resume()
    }

    /// Waits for a nudge, or for cancellation.
    package func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = state.withLock { state in
                    if state.isRaised || Task.isCancelled {
                        state.isRaised = false
                        return true
                    }
                    state.sleeper = continuation
                    return false
                }
                if now { continuation.resume() }
            }
        } onCancel: {
            // Nothing is kept: a wait that was cancelled must not wake the next one.
            state.withLock { $0.sleeper.take() }?.resume()
        }
    }

    /// Waits for a nudge, for cancellation, or until the time is over; nil waits without a limit.
    package func wait(atMost limit: Duration?) async {
        guard let limit else { return await wait() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait() }
            group.addTask { try? await Task.sleep(for: limit, clock: .continuous) }
            await group.next()
            group.cancelAll()
        }
    }
}
