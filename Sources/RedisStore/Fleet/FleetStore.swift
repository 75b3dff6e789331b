import FleetCore

/// The fleet's record in Redis: loaded once by each leader, changed in fenced batches.
package struct FleetStore: Sendable {
    /// How long an ended job is kept.
    package static let jobRetention = Duration.seconds(30 * 86_400)
    /// About how many events are kept at most, whatever their age: what protects Redis' memory.
    package static let usualEventMax = 1_000_000

    /// The store underneath.
    package let store: FencedStore
    /// About how many events this one keeps at most.
    package let eventMax: Int
    let keys: FleetKeys

    /// Creates the record's view of a store.
    package init(store: FencedStore, eventMax: Int = FleetStore.usualEventMax) {
        self.store = store
        self.eventMax = eventMax
        keys = FleetKeys(space: store.keys)
    }

    /// Whether Redis answered last time, and what it said when not.
    package var health: RedisHealth { store.client.health }
}

extension Instant {
    /// Whole seconds since the clock's origin.
    var wholeSeconds: Int64 { nanoseconds / 1_000_000_000 }
}
