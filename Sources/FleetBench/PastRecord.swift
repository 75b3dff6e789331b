import FleetCore
import Foundation
import RedisStore

/// The record of a controller whose fleet has done a million jobs.
enum PastRecord {
    /// Jobs written at once.
    private static let chunk = 1_000
    /// How long all of them took, well within the time that the record keeps them.
    private static let span = Duration.seconds(20 * 86_400)

    /// Writes it into the folder of a controller's own Redis.
    static func fill(_ folder: String) async throws {
        let redis = PrivateRedis(configuration: PrivateRedisConfiguration(directory: folder))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await redis.run() }
            defer { group.cancelAll() }
            try await redis.ready()
            let client = RedisClient(endpoint: redis.endpoint)
            defer { client.close() }
            let store = FleetStore(store: FencedStore(client: client))
            let term = try await store.store.bumpTerm(owner: "fleet-bench", version: "0")
            let now = Instant(nanoseconds: Int64(Date().timeIntervalSince1970) * 1_000_000_000)
            var past = PastJobs(from: now - span, apart: span / PastJobs.count)
            for begin in stride(from: 0, to: PastJobs.count, by: chunk) {
                var change = FleetChange(counters: Controller.Counters(), clock: now)
                for number in begin..<min(begin + chunk, PastJobs.count) {
                    change.jobs.append(past.job(number))
                }
                try await store.commit(try store.seal(change, term: term))
            }
        }
    }
}
