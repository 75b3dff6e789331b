import FleetCore
import Foundation
import Logging
import NIOCore
import ObjectStore
import RedisStore
import Testing

@testable import ControlPlane

@Suite("Outputs that are kept for a time", .serialized)
struct OutputSweepTests {
    private static func days(_ days: Int64) -> Duration { .seconds(days * 86_400) }

    private static func sweeper(
        _ plane: Plane, keep: Duration?, in objects: (any ObjectStore)? = nil
    ) -> ObjectSweeper {
        ObjectSweeper(
            loop: plane.loop, store: plane.store, objects: objects ?? plane.api.objects,
            keepUploads: days(30), keepOutputs: keep, logger: plane.api.logger)
    }

    /// An id that was made so many days ago.
    private static func id(daysAgo number: Int64, _ plane: Plane) -> JobID {
        JobIDMint().mint(at: plane.loop.clock.now - days(number))
    }

    /// Puts an object that was written so many days ago.
    private static func put(
        _ plane: Plane, _ key: String, daysAgo days: Double
    ) async throws {
        try await plane.api.objects.put(
            try ObjectKey(key), .bytes(ByteBuffer(string: "x")), contentType: "image/png")
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -days * 86_400)],
            ofItemAtPath: "\(plane.directory)/objects/objects/\(key)")
    }

    private static func objects(_ plane: Plane) async throws -> Set<String> {
        let page = try await plane.api.objects.list(prefix: "", next: nil, limit: 1_000)
        return Set(page.objects.map(\.key.text))
    }

    @Test(
        "What jobs made long ago is deleted, and nothing young, of the record's jobs or of others")
    func swept() async throws {
        try await Plane.with { plane, _ in
            let (gone, late) = (Self.id(daysAgo: 100, plane), Self.id(daysAgo: 100, plane))
            let (alive, past) = (Self.id(daysAgo: 100, plane), Self.id(daysAgo: 100, plane))
            let young = Self.id(daysAgo: 59, plane)
            guard case .accepted? = await plane.submit(alive) else {
                Issue.record("the job is not accepted")
                return
            }
            try await plane.past(past)
            let old = [
                "outputs/images/\(gone)/1/a.png", "outputs/images/\(gone)/1/_b_20c.png",
                "outputs/images/\(gone)/2/a.png", "outputs/videos/\(gone)/1/a.mp4",
            ]
            let kept = [
                "outputs/images/\(alive)/1/a.png", "outputs/images/\(past)/1/a.png",
                "outputs/images/\(young)/1/a.png",
                // Nobody's, and beside the outputs.
                "outputs/images/00-mine/1/a.png", "outputs/images/\(gone)/a.png",
                "outputs/images/\(gone)/01/a.png", "outputs/images/\(gone)/1/b/a.png",
                "outputs/mine/\(gone)/1/a.png", "outputs/readme.txt",
                "mine/outputs/images/\(gone)/1/a.png", "configs/\(gone)",
            ]
            for key in old + kept { try await Self.put(plane, key, daysAgo: 61) }
            let rewritten = "outputs/images/\(late)/1/a.png"
            try await Self.put(plane, rewritten, daysAgo: 59)

            #expect(try await Self.sweeper(plane, keep: nil).sweep() == 0)
            #expect(try await Self.sweeper(plane, keep: Self.days(101)).sweep() == 0)
            #expect(try await Self.sweeper(plane, keep: Self.days(60)).sweep() == old.count)
            #expect(try await Self.objects(plane) == Set(kept + [rewritten]))

            // Where the store does not say when they were written, it goes by their jobs.
            let timeless = BrokenObjects(plane.api.objects, tellsTimes: false)
            let sweeper = Self.sweeper(plane, keep: Self.days(60), in: timeless)
            #expect(try await sweeper.sweep() == 1)
            #expect(try await Self.objects(plane) == Set(kept))
        }
    }

    @Test("After a restore no output is deleted: what the backup lacks made some of them")
    func restored() async throws {
        try await Plane.with { plane, _ in
            let key = "outputs/images/\(Self.id(daysAgo: 100, plane))/1/a.png"
            try await Self.put(plane, key, daysAgo: 100)
            let sweeper = Self.sweeper(plane, keep: Self.days(30))
            let (client, mark) = (
                plane.store.store.client, plane.store.store.keys.key("restored")
            )
            _ = try await client.read(RedisCommand("SET", .text(mark), "1"))
            #expect(try await sweeper.sweep() == 0)
            _ = try await client.read(RedisCommand("DEL", .text(mark)))
            #expect(try await sweeper.sweep() == 1)
            #expect(try await Self.objects(plane).isEmpty)
        }
    }
}
