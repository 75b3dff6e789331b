internal import HeapModule

/// One pending alarm for each key, in the order they are due.
///
/// Arming a key again replaces its alarm; an outdated entry is recognised by its generation and
/// skipped, so a late alarm is harmless. Costs O(log n) a change, and next to nothing when an alarm
/// is put off, as leases are with every heartbeat: its entry moves only when it comes up.
package struct TimerQueue<Key: Hashable & Sendable>: Sendable {
    private struct Entry: Comparable, Sendable {
        let due: Instant
        let generation: UInt64
        let key: Key

        static func < (a: Entry, b: Entry) -> Bool {
            a.due != b.due ? a.due < b.due : a.generation < b.generation
        }
        static func == (a: Entry, b: Entry) -> Bool { a.generation == b.generation }
    }

    private struct Alarm: Sendable {
        var due: Instant
        /// Where its entry is; never later than `due`.
        let entryDue: Instant
        let generation: UInt64
    }

    private var heap = Heap<Entry>()
    private var armed: [Key: Alarm] = [:]
    private var lastGeneration: UInt64 = 0

    /// Creates an empty queue.
    package init() {}

    /// The number of armed keys.
    package var count: Int { armed.count }

    /// When the alarm of `key` is due, if it is armed.
    package func due(_ key: Key) -> Instant? { armed[key]?.due }

    /// Arms `key` for `due`, in place of any alarm it had.
    package mutating func arm(_ key: Key, at due: Instant) {
        if let entryDue = armed[key]?.entryDue, entryDue <= due {
            armed[key]?.due = due
            return
        }
        insert(key, due)
        if heap.count > 64, heap.count > armed.count * 4 { rebuild() }
    }

    private mutating func insert(_ key: Key, _ due: Instant) {
        lastGeneration += 1
        armed[key] = Alarm(due: due, entryDue: due, generation: lastGeneration)
        heap.insert(Entry(due: due, generation: lastGeneration, key: key))
    }

    /// Forgets the alarm of `key`.
    package mutating func disarm(_ key: Key) { armed[key] = nil }

    /// When the next alarm is due.
    package mutating func next() -> Instant? {
        settleFirst()
        return heap.min?.due
    }

    /// Takes the first key whose alarm is due at `now`.
    package mutating func popDue(_ now: Instant) -> Key? {
        settleFirst()
        guard let first = heap.min, first.due <= now else { return nil }
        _ = heap.popMin()
        armed[first.key] = nil
        return first.key
    }

    /// Drops outdated entries and moves those that were put off, until the first one counts.
    private mutating func settleFirst() {
        while let first = heap.min {
            let alarm = armed[first.key]
            if let alarm, alarm.generation == first.generation {
                if alarm.due <= first.due { return }
                _ = heap.popMin()
                insert(first.key, alarm.due)
            } else {
                _ = heap.popMin()
            }
        }
    }

    private mutating func rebuild() {
        let live = heap.unordered.filter { armed[$0.key]?.generation == $0.generation }
        heap = Heap(live)
    }
}
