internal import HeapModule

/// One pending alarm for each key, in the order they are due.
///
/// Arming a key again replaces its alarm; an outdated entry is recognised by its generation and
/// skipped, so a late alarm is harmless. Costs O(log n) a change.
package struct TimerQueue<Key: Hashable & Sendable>: Sendable {
    private struct Entry: Comparable, Sendable {
        let due: Instant
        let generation: UInt64
        let key: Key

        static func < (a: Entry, b: Entry) -> Bool {
            (a.due, a.generation) < (b.due, b.generation)
        }
        static func == (a: Entry, b: Entry) -> Bool { a.generation == b.generation }
    }

    private var heap = Heap<Entry>()
    private var armed: [Key: (due: Instant, generation: UInt64)] = [:]
    private var lastGeneration: UInt64 = 0

    /// Creates an empty queue.
    package init() {}

    /// The number of armed keys.
    package var count: Int { armed.count }

    /// When the alarm of `key` is due, if it is armed.
    package func due(_ key: Key) -> Instant? { armed[key]?.due }

    /// Arms `key` for `due`, in place of any alarm it had.
    package mutating func arm(_ key: Key, at due: Instant) {
        lastGeneration += 1
        armed[key] = (due, lastGeneration)
        heap.insert(Entry(due: due, generation: lastGeneration, key: key))
        if heap.count > 64, heap.count > armed.count * 4 { rebuild() }
    }

    /// Forgets the alarm of `key`.
    package mutating func disarm(_ key: Key) { armed[key] = nil }

    /// When the next alarm is due.
    package mutating func next() -> Instant? {
        dropOutdated()
        return heap.min?.due
    }

    /// Takes the first key whose alarm is due at `now`.
    package mutating func popDue(_ now: Instant) -> Key? {
        dropOutdated()
        guard let first = heap.min, first.due <= now else { return nil }
        _ = heap.popMin()
        armed[first.key] = nil
        return first.key
    }

    private mutating func dropOutdated() {
        while let first = heap.min, armed[first.key]?.generation != first.generation {
            _ = heap.popMin()
        }
    }

    private mutating func rebuild() {
        let live = heap.unordered.filter { armed[$0.key]?.generation == $0.generation }
        heap = Heap(live)
    }
}
