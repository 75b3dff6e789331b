import Settings
import Synchronization

/// Where everything that happens to the machine waits until the loop takes it, all at once.
final class Mailbox<Item: Sendable>: Sendable {
    private let items = Mutex<[Item]>([])
    /// Wakes the loop.
    let signal = Signal()

    /// Puts an item in and wakes the loop.
    func post(_ item: Item) {
        items.withLock { $0.append(item) }
        signal.nudge()
    }

    /// Takes everything that waits, in order.
    func takeAll() -> [Item] {
        items.withLock { items in
            let all = items
            items = []
            return all
        }
    }
}
