import FleetCore
package import JobCatalogue
package import Logging
import ObjectStore
package import RedisStore

/// Keeps the catalogue of jobs: makes it whole once, writes what happens, forgets what is too old.
package struct CatalogueKeeper: Sendable {
    let catalogue: JobCatalogue
    let store: FleetStore
    let inputs: InputStore
    let clock: AnchoredClock
    let logger: Logger

    /// How long to wait before another try when the disk or the store has failed.
    private static let pause = Duration.seconds(5)
    /// How often old jobs are forgotten.
    private static let tidyEvery = Duration.seconds(3_600)
    /// What may have been stored shortly before the last that the catalogue knows of.
    private static let overlap: Int64 = 60
    /// Inputs read at once.
    private static let inputsAtOnce = 16

    /// Creates a keeper; nothing happens before `run`.
    package init(
        catalogue: JobCatalogue, store: FleetStore, inputs: InputStore, clock: AnchoredClock,
        logger: Logger
    ) {
        self.catalogue = catalogue
        self.store = store
        self.inputs = inputs
        self.clock = clock
        self.logger = logger
    }

    /// Runs until cancelled.
    package func run() async {
        let (written, news) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingNewest(1))
        await withDiscardingTaskGroup { group in
            group.addTask {
                await untilDone("make the catalogue of jobs whole") { try await makeWhole() }
                news.yield()
            }
            group.addTask {
                for await _ in catalogue.changes {
                    await untilDone("write the catalogue of jobs") { try await catalogue.write() }
                    news.yield()
                }
            }
            group.addTask {
                for await _ in written {
                    await untilDone("read inputs of jobs for searches") { try await readInputs() }
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    await untilDone("tidy the catalogue of jobs") {
                        try await tidy(at: clock.now)
                    }
                    try? await Task.sleep(for: Self.tidyEvery)
                }
            }
        }
    }

    /// Adds what the store has and the file has not: everything in a new file, else what came since.
    package func makeWhole() async throws {
        let now = clock.now.nanoseconds / 1_000_000_000
        let through = try await catalogue.wholeThrough()
        let ids = try await store.endedJobs(since: (through ?? 0) - Self.overlap)
        var added = 0
        for start in stride(from: 0, to: ids.count, by: JobCatalogue.chunk) {
            try Task.checkCancellation()
            let found = try await store.readable(
                Array(ids[start..<min(start + JobCatalogue.chunk, ids.count)]))
            try await catalogue.add(found.jobs)
            added += found.jobs.count
            for id in found.damaged.prefix(10) {
                logger.warning("record of a past job is damaged", metadata: ["job": "\(id)"])
            }
        }
        try await catalogue.isWhole(through: now - Self.overlap)
        if through == nil, added > 0 {
            logger.info("catalogue of jobs made", metadata: ["jobs": "\(added)"])
        }
    }

    /// Forgets jobs whose time in the record is over.
    func tidy(at now: Instant) async throws {
        if try await store.keepsAllJobs() { return }
        try await catalogue.forget(endedBefore: now - FleetStore.jobRetention)
    }

    /// Reads inputs of which the record has a short form, so that all of their words are found.
    package func readInputs() async throws {
        while true {
            let ids = try await catalogue.abridged(limit: Self.inputsAtOnce)
            guard !ids.isEmpty else { return }
            let jobs = try await store.readable(ids).jobs
            let found = try await withThrowingTaskGroup(of: (JobID, String?).self) { group in
                for job in jobs { group.addTask { (job.id, try await whole(job)) } }
                return try await group.reduce(into: [JobID: String?]()) { $0[$1.0] = $1.1 }
            }
            // Of a job that is not in the record any more nothing will come.
            try await catalogue.complete(ids.map { ($0, found[$0] ?? nil) })
        }
    }

    /// All of a job's input; nil when it is gone for good.
    private func whole(_ job: Job) async throws -> String? {
        do {
            return try await inputs.whole(job.id, job.request)
        } catch let error as ObjectStoreError where [.notFound, .badResponse].contains(error.code) {
            return nil
        }
    }

    private func untilDone(_ what: String, _ body: () async throws -> Void) async {
        await untilItSucceeds(
            pausing: Self.pause,
            tell: { logger.warning("cannot \(what)", metadata: ["error": "\($0)"]) }, body)
    }
}
