import FleetCore
import Foundation
import JobCatalogue

/// Lists and searches among a million past jobs.
enum CatalogueBenchmarks {
    static let all: [Benchmark] = [
        page("list_jobs", "a page of a hundred, of random states, kinds, clusters and places") {
            CatalogueWorld.filter(&$0)
        },
        page("list_jobs_of_node", "a page of those that failed on one node") { _ in
            var filter = JobFilter()
            filter.node = "agx-03"
            filter.states = [.failed]
            return filter
        },
        page("list_jobs_labelled", "a page of those with a label that one in a thousand has") {
            var filter = JobFilter()
            filter.labels = ["album=\(Int.random(in: 0..<1_000, using: &$0))"]
            return filter
        },
        page("list_jobs_waiting", "a page of those that wait, of one who submitted half of all") {
            _ in
            var filter = JobFilter()
            filter.submitter = .local
            filter.states = [.queued]
            return filter
        },
        page("list_jobs_unfailing", "those that failed, of one who submitted half of all: none") {
            _ in
            var filter = JobFilter()
            filter.submitter = CatalogueWorld.unfailing
            filter.states = [.failed]
            return filter
        },
        page("list_jobs_of_node_kind", "a page of those of a kind and a label on one node") {
            var filter = JobFilter()
            filter.node = "agx-03"
            filter.kinds = [JobKind.allCases.randomElement(using: &$0) ?? .image]
            filter.labels = ["album=\(Int.random(in: 0..<1_000, using: &$0))"]
            return filter
        },
        page(
            "list_jobs_apart", "those of one submitter with a label of the other, half each: none"
        ) { _ in
            var filter = JobFilter()
            filter.submitter = CatalogueWorld.unfailing
            filter.labels = ["site=home"]
            return filter
        },
        page("search_jobs", "a page of those with a word that many have") {
            var filter = JobFilter()
            filter.text = CatalogueWorld.word(&$0)
            return filter
        },
        page("search_jobs_failed", "a page of those that failed, with a word that many have") {
            var filter = JobFilter()
            filter.text = CatalogueWorld.word(&$0)
            filter.states = [.failed]
            return filter
        },
        page("search_jobs_labelled", "a page of those with a rare label, and a word that many have")
        {
            var filter = JobFilter()
            filter.text = CatalogueWorld.word(&$0)
            filter.labels = ["album=\(Int.random(in: 0..<1_000, using: &$0))"]
            return filter
        },
        page("search_jobs_unmet", "those that wait, with a word that many have: none") {
            var filter = JobFilter()
            filter.text = CatalogueWorld.word(&$0)
            filter.states = [.queued]
            return filter
        },
        page("search_jobs_rare", "the one job with a number in its text") {
            var filter = JobFilter()
            filter.text = "#\(Int.random(in: 0..<CatalogueWorld.count, using: &$0))."
            return filter
        },
        page("search_jobs_none", "a search that finds nothing") { _ in
            var filter = JobFilter()
            filter.text = "no such words"
            return filter
        },
        Benchmark(
            name: "record_jobs", about: "a hundred jobs, tried again and ended, written",
            unit: "ms"
        ) {
            let (catalogue, ended) = try await CatalogueWorld.shared.ready()
            let again = ended.map { job in
                var job = job
                job.ending = nil
                return job
            }
            return try await milliseconds {
                for jobs in [again, ended] {
                    catalogue.record(jobs)
                    try await catalogue.write()
                }
            } / 2
        },
    ]

    private static func page(
        _ name: String, _ about: String,
        _ filter: @escaping @Sendable (inout SystemRandomNumberGenerator) -> JobFilter
    ) -> Benchmark {
        Benchmark(name: name, about: about + ", among a million", unit: "ms") {
            let (catalogue, _) = try await CatalogueWorld.shared.ready()
            var random = SystemRandomNumberGenerator()
            let filter = filter(&random)
            return try await milliseconds { _ = try await catalogue.page(filter, limit: 100) }
        }
    }

    private static func milliseconds(_ body: () async throws -> Void) async throws -> Double {
        let begin = ContinuousClock.now
        try await body()
        return (ContinuousClock.now - begin).inSeconds * 1_000
    }
}

/// A catalogue of a million jobs of a year, made when it is first asked for.
actor CatalogueWorld {
    static let shared = CatalogueWorld()
    static let count = 1_000_000
    /// Submitted every other job, and none of these failed.
    static let unfailing: SubmitterName = "steady"
    private static let start: Int64 = 1_700_000_000
    private static let secondsApart: Int64 = 31

    private let folder = NSTemporaryDirectory() + "jessica-bench-\(UUID().uuidString)"
    private var made: Task<(JobCatalogue, [Job]), any Error>?

    /// The catalogue, and the latest hundred of its jobs.
    func ready() async throws -> (JobCatalogue, [Job]) {
        let task = made ?? Task { [folder] in try await Self.make(folder) }
        made = task
        return try await task.value
    }

    /// Removes it.
    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    private static func make(_ folder: String) async throws -> (JobCatalogue, [Job]) {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        let catalogue = try JobCatalogue(path: folder + "/catalogue.sqlite", term: 1)
        var random = SeededGenerator(seed: 1)
        var jobs: [Job] = []
        for number in 0..<count {
            jobs.append(job(number, &random))
            if jobs.count == JobCatalogue.chunk {
                try await catalogue.add(jobs)
                if number < count - 1 { jobs = [] }
            }
        }
        return (catalogue, Array(jobs.suffix(100)))
    }

    private static func job(_ number: Int, _ random: inout SeededGenerator) -> Job {
        let kind = JobKind.allCases[number % JobKind.allCases.count]
        let prompt = (0..<10).map { _ in word(&random) }.joined(separator: " ")
        var request = JobRequest(kind: kind, input: #"{"prompt":"\#(prompt) #\#(number)."}"#)
        request.labels = [
            .init(key: "album", value: "\(Int.random(in: 0..<1_000, using: &random))")
        ]
        let isUnfailing = number % 2 == 0
        if isUnfailing {
            request.submitter = unfailing
        } else {
            request.labels.append(.init(key: "site", value: "home"))
        }
        let at = Instant(nanoseconds: (start + Int64(number) * secondsApart) * 1_000_000_000)
        var job = Job(
            id: JobID("job-\(10_000_000 + number)"), request: request,
            queue: ClusterName("cluster-\(kind.rawValue)"), submittedAt: at)
        job.attempts = [
            Attempt(
                number: 1, node: NodeName("agx-0\(Int.random(in: 1...9, using: &random))"),
                worker: nil, roamer: false, hedge: false, assignedAt: at)
        ]
        let isFailed = !isUnfailing && Int.random(in: 0..<25, using: &random) == 0
        job.ending = .init(outcome: isFailed ? .failed : .succeeded, at: at, outputs: [])
        return job
    }

    /// A word of a small language, the first ones more often.
    static func word(_ random: inout some RandomNumberGenerator) -> String {
        let syllables = ["sun", "set", "ra", "mo", "li", "ka", "ter", "no", "vi", "el"]
        let rank = Int(pow(Double.random(in: 0..<1, using: &random), 2) * 1_000)
        return syllables[rank / 100] + syllables[rank / 10 % 10] + syllables[rank % 10]
    }

    /// Any states, kinds, cluster and time.
    static func filter(_ random: inout some RandomNumberGenerator) -> JobFilter {
        var filter = JobFilter()
        if Bool.random(using: &random) {
            filter.states = Set(JobState.allCases.shuffled(using: &random).prefix(2))
        }
        if Bool.random(using: &random) {
            filter.kinds = Set(JobKind.allCases.shuffled(using: &random).prefix(2))
        }
        if Bool.random(using: &random) {
            filter.cluster = JobKind.allCases.randomElement(using: &random)
                .map { ClusterName("cluster-\($0.rawValue)") }
        }
        let second = start + secondsApart * Int64.random(in: 0..<Int64(count), using: &random)
        filter.until = Instant(nanoseconds: second * 1_000_000_000)
        return filter
    }
}
