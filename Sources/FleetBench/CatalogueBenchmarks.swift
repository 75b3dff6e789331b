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
            filter.submitter = PastJobs.unfailing
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
            filter.submitter = PastJobs.unfailing
            filter.labels = ["site=home"]
            return filter
        },
        page("search_jobs", "a page of those with a word that many have") {
            var filter = JobFilter()
            filter.text = PastJobs.word(&$0)
            return filter
        },
        page("search_jobs_failed", "a page of those that failed, with a word that many have") {
            var filter = JobFilter()
            filter.text = PastJobs.word(&$0)
            filter.states = [.failed]
            return filter
        },
        page("search_jobs_labelled", "a page of those with a rare label, and a word that many have")
        {
            var filter = JobFilter()
            filter.text = PastJobs.word(&$0)
            filter.labels = ["album=\(Int.random(in: 0..<1_000, using: &$0))"]
            return filter
        },
        page("search_jobs_unmet", "those that wait, with a word that many have: none") {
            var filter = JobFilter()
            filter.text = PastJobs.word(&$0)
            filter.states = [.queued]
            return filter
        },
        page(
            "search_jobs_apart", "those of one submitter with a word of the other, half each: none"
        ) { _ in
            var filter = JobFilter()
            filter.submitter = PastJobs.unfailing
            filter.text = PastJobs.athome
            return filter
        },
        page("search_jobs_scattered", "a text of which many jobs have all pieces, and none all") {
            _ in
            var filter = JobFilter()
            filter.text = PastJobs.scattered
            return filter
        },
        page("search_jobs_rare", "the one job with a number in its text") {
            var filter = JobFilter()
            filter.text = "#\(Int.random(in: 0..<PastJobs.count, using: &$0))."
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
    private static let past = PastJobs(
        from: Instant(nanoseconds: 1_700_000_000_000_000_000), apart: .seconds(31))

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
        var past = Self.past
        var jobs: [Job] = []
        for number in 0..<PastJobs.count {
            jobs.append(past.job(number))
            if jobs.count == JobCatalogue.chunk {
                try await catalogue.add(jobs)
                if number < PastJobs.count - 1 { jobs = [] }
            }
        }
        return (catalogue, Array(jobs.suffix(100)))
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
        filter.until = past.time(of: Int.random(in: 0..<PastJobs.count, using: &random))
        return filter
    }
}
