import Synchronization

/// Counts the places where the controller listens, and tells once all of them are open.
final class Doors: Sendable {
    private let closed: Atomic<Int>
    private let onAllOpen: @Sendable () -> Void

    /// Begins with so many doors, all closed.
    init(_ count: Int, onAllOpen: @escaping @Sendable () -> Void) {
        closed = Atomic(count)
        self.onAllOpen = onAllOpen
    }

    /// One more is open; each is told of once.
    func opened() {
        if closed.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { onAllOpen() }
    }
}
