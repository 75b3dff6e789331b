/// The highest attempt a node has seen of each job, so that none is taken twice; bounded.
///
/// Kept as the list that goes into the journal, which is written far more often than this changes.
struct SeenAttempts: Hashable, Sendable {
    /// The highest attempts, that seen last at the end.
    private(set) var list: [AttemptKey] = []
    private var highest: [JobID: Int] = [:]

    /// Takes up what the journal holds.
    init(_ list: [AttemptKey] = []) {
        for key in list { see(key, limit: .max) }
    }

    /// The highest attempt seen of a job.
    func highest(of job: JobID) -> Int? { highest[job] }

    /// Notes an attempt; beyond `limit` the job seen longest ago is forgotten.
    mutating func see(_ key: AttemptKey, limit: Int) {
        if highest.updateValue(key.number, forKey: key.job) != nil {
            list.removeAll { $0.job == key.job }
        }
        list.append(key)
        while list.count > limit { highest[list.removeFirst().job] = nil }
    }
}
