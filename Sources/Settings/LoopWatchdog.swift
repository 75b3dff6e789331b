import Synchronization

/// Lets systemd know that a loop turns, for as long as it does.
///
/// The loop itself says so at the end of a turn; a timer beside it would go on when the loop hangs. An
/// idle loop has no turns, so it is woken in time by ``keepTurning(_:)``, which tells systemd nothing.
/// From one word to the next pass at most half of what systemd allows, and one turn.
package final class LoopWatchdog: Sendable {
    private let notifier: ServiceNotifier
    private let lastWord = Mutex<ContinuousClock.Instant?>(nil)

    /// Creates a watchdog; without a wish of systemd's it does nothing.
    package init(_ notifier: ServiceNotifier) { self.notifier = notifier }

    /// The loop has finished a turn.
    package func turned() {
        guard let every = notifier.watchdog else { return }
        let now = ContinuousClock.now
        let isDue = lastWord.withLock { last in
            // A busy loop turns thousands of times a second.
            if let last, now - last < every / 2 { return false }
            last = now
            return true
        }
        if isDue { notifier.alive() }
    }

    /// Wakes the loop now and then, until cancelled.
    package func keepTurning(_ wake: @Sendable () -> Void) async {
        // Where nobody watches, once an hour harms nobody, and this is no task that ends by itself.
        let every = notifier.watchdog ?? .seconds(3600)
        while !Task.isCancelled {
            try? await Task.sleep(for: every, clock: .continuous)
            wake()
        }
    }
}
