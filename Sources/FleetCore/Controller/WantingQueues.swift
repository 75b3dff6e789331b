/// Queues that wanted a roamer when there was none, in the order of the fleet.
struct WantingQueues: Sendable {
    private var places: [Int] = []
    private var names: [Int: ClusterName] = [:]

    /// The first of them.
    var first: (place: Int, queue: ClusterName)? {
        places.first.flatMap { place in names[place].map { (place, $0) } }
    }

    /// Adds a queue at its place in the fleet, if it is not there.
    mutating func insert(_ queue: ClusterName, at place: Int) {
        guard names.updateValue(queue, forKey: place) == nil else { return }
        places.insertSorted(place)
    }

    /// Takes the queue at a place out.
    mutating func remove(_ place: Int) {
        guard names.removeValue(forKey: place) != nil else { return }
        places.removeSorted(place)
    }

    /// Forgets all of them, when their places change.
    mutating func removeAll() { self = WantingQueues() }
}
