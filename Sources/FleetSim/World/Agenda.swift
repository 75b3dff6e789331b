import FleetCore
import HeapModule

/// What is going to happen: one heap ordered by time, and by the order of planning at equal times.
struct Agenda<Action> {
    /// Small and trivial, so that moving it in the heap is cheap; the action waits in a slot.
    private struct Entry: Comparable {
        let at: Int64
        let sequence: UInt64
        let slot: Int

        static func < (a: Entry, b: Entry) -> Bool {
            a.at != b.at ? a.at < b.at : a.sequence < b.sequence
        }
        static func == (a: Entry, b: Entry) -> Bool { a.sequence == b.sequence }
    }

    private var heap = Heap<Entry>()
    private var slots: [Action?] = []
    private var free: [Int] = []
    private var lastSequence: UInt64 = 0

    /// How many actions are planned.
    var count: Int { heap.count }

    /// When the next action is due.
    var next: Instant? { heap.min.map { Instant(nanoseconds: $0.at) } }

    /// Plans an action.
    mutating func plan(_ action: Action, at instant: Instant) {
        lastSequence += 1
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
            slots[slot] = action
        } else {
            slot = slots.count
            slots.append(action)
        }
        heap.insert(Entry(at: instant.nanoseconds, sequence: lastSequence, slot: slot))
    }

    /// Takes the next action that is due at `end` or before.
    mutating func pop(until end: Instant) -> (at: Instant, action: Action)? {
        guard let first = heap.min, first.at <= end.nanoseconds else { return nil }
        _ = heap.popMin()
        guard let action = slots[first.slot].take() else { return nil }
        free.append(first.slot)
        return (Instant(nanoseconds: first.at), action)
    }
}
