/// A queue's order: earlier score first, then the older id.
package struct QueueEntry: Hashable, Comparable, Sendable {
    /// The instant of submission, moved by the priority.
    package let score: Instant
    /// The job.
    package let job: JobID

    /// How much seniority a step of priority is worth.
    ///
    /// Ageing follows by itself: a job of lower priority passes every job that is younger by more
    /// than the difference, so nothing starves.
    package static let priorityStep = Duration.seconds(60)

    /// The entry of a job.
    package init(_ job: Job) {
        let priority = Swift.min(Swift.max(job.request.priority, -10), 10)
        self.init(score: job.submittedAt - Self.priorityStep * priority, job: job.id)
    }

    /// An entry with a known score.
    package init(score: Instant, job: JobID) {
        self.score = score
        self.job = job
    }

    /// Orders by score, then id.
    package static func < (a: QueueEntry, b: QueueEntry) -> Bool {
        (a.score, a.job) < (b.score, b.job)
    }
}

/// Waiting jobs in order, with the rank of each.
///
/// A list of sorted runs of at most `runLimit` entries: insert, remove and rank cost
/// O(runs + runLimit), which at 100,000 entries is a few hundred comparisons of small values.
package struct JobQueue: Sendable {
    private var runs: [[QueueEntry]] = []
    private static let runLimit = 512

    /// The number of entries.
    package private(set) var count = 0

    /// Creates an empty queue.
    package init() {}

    /// Whether nothing waits.
    package var isEmpty: Bool { count == 0 }

    /// Adds an entry; false if it was there.
    @discardableResult
    package mutating func insert(_ entry: QueueEntry) -> Bool {
        guard !runs.isEmpty else {
            runs.append([entry])
            count = 1
            return true
        }
        let run = Swift.min(firstRun(endingAtOrAfter: entry), runs.count - 1)
        let place = runs[run].lowerBound(of: entry)
        if place < runs[run].count, runs[run][place] == entry { return false }
        runs[run].insert(entry, at: place)
        count += 1
        if runs[run].count > Self.runLimit { split(run) }
        return true
    }

    /// Removes an entry; false if it was not there.
    @discardableResult
    package mutating func remove(_ entry: QueueEntry) -> Bool {
        let run = firstRun(endingAtOrAfter: entry)
        guard run < runs.count else { return false }
        let place = runs[run].lowerBound(of: entry)
        guard place < runs[run].count, runs[run][place] == entry else { return false }
        runs[run].remove(at: place)
        if runs[run].isEmpty { runs.remove(at: run) }
        count -= 1
        return true
    }

    /// How many entries come before this one; nil if it does not wait.
    package func rank(_ entry: QueueEntry) -> Int? {
        let run = firstRun(endingAtOrAfter: entry)
        guard run < runs.count else { return nil }
        let place = runs[run].lowerBound(of: entry)
        guard place < runs[run].count, runs[run][place] == entry else { return nil }
        return runs[..<run].reduce(place) { $0 + $1.count }
    }

    /// How many entries come before this one, whether it waits or not.
    package func count(before entry: QueueEntry) -> Int {
        let run = firstRun(endingAtOrAfter: entry)
        let whole = runs[..<run].reduce(0) { $0 + $1.count }
        return run < runs.count ? whole + runs[run].lowerBound(of: entry) : whole
    }

    /// The first `limit` entries.
    package func prefix(_ limit: Int) -> [QueueEntry] {
        var first: [QueueEntry] = []
        for run in runs where first.count < limit {
            first.append(contentsOf: run.prefix(limit - first.count))
        }
        return first
    }

    private func firstRun(endingAtOrAfter entry: QueueEntry) -> Int {
        var low = 0
        var high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if let last = runs[middle].last, last < entry {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    private mutating func split(_ run: Int) {
        let half = runs[run].count / 2
        let tail = Array(runs[run][half...])
        runs[run].removeSubrange(half...)
        runs.insert(tail, at: run + 1)
    }
}
