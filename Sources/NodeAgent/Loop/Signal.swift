import Synchronization

/// A wake-up for one sleeper; a nudge that comes while nobody sleeps is kept.
final class Signal: Sendable {
    private struct State {
        var isRaised = false
        var sleeper: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())

    /// Wakes the sleeper, or the next one at once.
    func nudge() {
        let sleeper = state.withLock { state in
            let sleeper = state.sleeper.take()
            state.isRaised = sleeper == nil
            return sleeper
        }
        sleeper?.resume()
    }

    /// Waits for a nudge, or for cancellation.
    func wait() async {
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
            nudge()
        }
    }

    /// Waits for a nudge, for cancellation, or until the time is over; nil waits without a limit.
    func wait(atMost limit: Duration?) async {
        guard let limit else { return await wait() }
        await withDiscardingTaskGroup { group in
            group.addTask {
                do {
                    try await Task.sleep(for: limit, clock: .continuous)
                    self.nudge()
                } catch {
                    // Woken before the time: another nudge would wake the next sleeper for nothing.
                }
            }
            await wait()
            group.cancelAll()
        }
    }
}
