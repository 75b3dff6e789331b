import Synchronization

/// Keeps a list of containers from being believed that was made while one was being launched.
///
/// Such a list may miss the new container, or show it before it ran; both would look like its end.
final class LaunchGate: Sendable {
    private struct State {
        var launching = 0
        var generation: UInt64 = 0
    }
    private let state = Mutex(State())

    /// A launch begins.
    func enter() {
        state.withLock {
            $0.launching += 1
            $0.generation += 1
        }
    }

    /// A launch has ended, and its outcome is posted.
    func leave() { state.withLock { $0.launching -= 1 } }

    /// The present generation; nil while something is being launched.
    func quiet() -> UInt64? {
        state.withLock { $0.launching == 0 ? $0.generation : nil }
    }

    /// Runs the body if nothing was launched since; false when something was.
    func ifQuiet(since generation: UInt64, _ body: () -> Void) -> Bool {
        state.withLock {
            guard $0.launching == 0, $0.generation == generation else { return false }
            body()
            return true
        }
    }
}
