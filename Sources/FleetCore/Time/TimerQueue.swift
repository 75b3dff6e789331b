internal import HeapModule

/// One pending alarm for each key, in the order they are due; of equal ones, that armed first.
///
/// Arming a key again replaces its alarm. Most alarms are put off again and again and hardly ever
/// ring, so putting one off costs no more than a look at its key: its entry stays where it is, and
/// is moved when it comes to the top. An outdated entry is recognised by its generation and
/// skipped, so a late alarm is harmless. Costs O(log n) a change at most.
package struct TimerQueue<Key: Hashable & Sendable>: Sendable {
    /// What is ordered: small, and without the key, for it is moved about a lot.
    private struct Entry: Comparable, Sendable {
        let due: Instant
        let generation: UInt64
        let slot: Int

        static func < (a: Entry, b: Entry) -> Bool {
            a.due == b.due ? a.generation < b.generation : a.due < b.due
        }
        static func == (a: Entry, b: Entry) -> Bool { a.generation == b.generation }
    }

    /// An alarm, or a place for one.
    private struct Slot: Sendable {
        var key: Key
        var due: Instant
        var generation: UInt64 = 0
        /// The entry that stands for it in the heap, due no later than the alarm; 0 for none.
        var entry: UInt64 = 0
        var entryDue: Instant
    }

    private var heap = Heap<Entry>()
    private var places: [Key: Int] = [:]
    private var slots: [Slot] = []
    private var free: [Int] = []
    private var lastGeneration: UInt64 = 0

    /// Creates an empty queue.
    package init() {}

    /// The number of armed keys.
    package var count: Int { places.count }

    /// When the alarm of `key` is due, if it is armed.
    package func due(_ key: Key) -> Instant? { places[key].map { slots[$0].due } }

    /// Arms `key` for `due`, in place of any alarm it had.
    package mutating func arm(_ key: Key, at due: Instant) {
        lastGeneration += 1
        let place = places[key] ?? add(key, due)
        slots[place].due = due
        slots[place].generation = lastGeneration
        if slots[place].entry != 0, slots[place].entryDue <= due { return }
        heap.insert(entry(for: place))
        if heap.count > 64, heap.count > count * 4 { rebuild() }
    }

    /// Forgets the alarm of `key`.
    package mutating func disarm(_ key: Key) {
        guard let place = places.removeValue(forKey: key) else { return }
        slots[place].entry = 0
        free.append(place)
    }

    /// When the next alarm is due.
    package mutating func next() -> Instant? { first(by: .distantFuture)?.due }

    /// When the next alarm is due, if that is at `limit` or before.
    package mutating func next(by limit: Instant) -> Instant? { first(by: limit)?.due }

    /// Takes the first key whose alarm is due at `now`.
    package mutating func popDue(_ now: Instant) -> Key? {
        guard let first = first(by: now) else { return nil }
        _ = heap.popMin()
        let key = slots[first.slot].key
        disarm(key)
        return key
    }

    /// The first entry due at `limit` or before that says when its alarm is due.
    private mutating func first(by limit: Instant) -> Entry? {
        // No alarm is due before its entry.
        while let first = heap.min, first.due <= limit {
            if slots[first.slot].entry != first.generation {
                _ = heap.popMin()
            } else if slots[first.slot].generation != first.generation {
                heap.replaceMin(with: entry(for: first.slot))
            } else {
                return first
            }
        }
        return nil
    }

    /// Makes the entry that stands for an alarm from now on.
    private mutating func entry(for place: Int) -> Entry {
        slots[place].entry = slots[place].generation
        slots[place].entryDue = slots[place].due
        return Entry(due: slots[place].due, generation: slots[place].generation, slot: place)
    }

    private mutating func add(_ key: Key, _ due: Instant) -> Int {
        let slot = Slot(key: key, due: due, entryDue: due)
        let place = free.popLast() ?? slots.count
        if place == slots.count { slots.append(slot) } else { slots[place] = slot }
        places[key] = place
        return place
    }

    private mutating func rebuild() {
        heap = Heap(heap.unordered.filter { slots[$0.slot].entry == $0.generation })
    }
}
