import FleetCore
import HTTPTypes
import NIOCore
import ObjectStore
import Testing

@testable import ControlPlane

@Suite("Backups that make themselves", .serialized)
struct BackupKeeperTests {
    @Test(
        "One is due when there is none, and when the latest is old enough",
        arguments: [(nil, true), (1_000, true), (1_001, false), (90_000, false)]
            as [(Double?, Bool)])
    func due(_ latest: Double?, _ isDue: Bool) {
        let now = Instant.zero + .seconds(87_400)
        #expect(BackupKeeper.isDue(latest: latest, now: now, every: .seconds(86_400)) == isDue)
    }

    @Test("The oldest of its own go, and what somebody asked for stays")
    func oldOnes() async throws {
        try await Plane.with { plane, _ in
            let (status, asked) = try await plane.call(.post, "/api/v1/backups")
            #expect(status == .created && asked["automatic"] == nil)
            let name = try #require(Plane.text(asked["name"]))
            // So are those of earlier versions.
            let manifest = try await plane.api.objects.get(
                try ObjectLayout.backup(name: name, file: BackupManifest.manifestFile), range: nil
            ).body.collect(limit: BackupManifest.sizeLimit)
            #expect(!String(buffer: manifest).contains("automatic"))

            let keeper = Self.keeper(plane.api.backups, plane, keep: 2)
            try await keeper.lookWhetherDue()
            let first = try await Self.list(plane)
            #expect(first.map(\.isAutomatic) == [true, false])
            for _ in 0..<2 { try await keeper.lookWhetherDue() }
            let rest = try await Self.list(plane)
            #expect(rest.map(\.isAutomatic) == [true, true, false])
            #expect(rest.last?.name == name)
            #expect(!rest.map(\.name).contains(first.first?.name ?? name))
            #expect(try await Self.objects(plane).count == 6)
        }
    }

    @Test("None is made while the latest is young, whoever asked for it, or another is being made")
    func notDue() async throws {
        try await Plane.with { plane, _ in
            let (status, _) = try await plane.call(.post, "/api/v1/backups")
            #expect(status == .created)
            // A folder that somebody has copied hides none.
            let copy = try ObjectLayout.backup(name: "my-own", file: BackupManifest.manifestFile)
            try await plane.api.objects.put(
                copy, .bytes(ByteBuffer(string: "{}")), contentType: "application/json")
            // It knows only from the object store that there is one.
            let desk = Self.desk(plane, on: plane.api.objects)
            try await Self.working(desk) {
                try await Self.keeper(desk, plane, every: .seconds(86_400)).lookWhetherDue()
            }
            #expect(try await Self.list(plane).count == 1)
            let busy = Self.desk(plane, on: plane.api.objects)
            #expect(busy.begin() != nil)
            try await Self.keeper(busy, plane).lookWhetherDue()
            #expect(try await Self.list(plane).count == 1)
        }
    }

    @Test("None is made while the object store does not say which is the latest")
    func unknown() async throws {
        try await Plane.with { plane, _ in
            let (status, _) = try await plane.call(.post, "/api/v1/backups")
            #expect(status == .created)
            let desk = Self.desk(
                plane, on: BrokenObjects.hiccuping(plane.api.objects, times: .max))
            try await Self.working(desk) {
                await #expect(throws: ObjectStoreError.self) {
                    try await Self.keeper(desk, plane).lookWhetherDue()
                }
            }
            #expect(try await Self.objects(plane).count == 2)
        }
    }

    @Test("A damaged manifest is no backup, and keeps neither new ones nor old ones")
    func damaged() async throws {
        try await Plane.with { plane, _ in
            let name = BackupManifest.name(at: plane.loop.clock.now - .seconds(1))
            let damaged = try ObjectLayout.backup(name: name, file: BackupManifest.manifestFile)
            try await plane.api.objects.put(
                damaged, .bytes(ByteBuffer(string: "{")), contentType: "application/json")
            let first = Self.keeper(plane.api.backups, plane, every: .seconds(86_400), keep: 1)
            try await first.lookWhetherDue()
            #expect(plane.api.backups.latest != nil)
            try await Self.keeper(plane.api.backups, plane, keep: 1).lookWhetherDue()
            let left = try await Self.objects(plane)
            #expect(left.count == 3 && left.contains(damaged.text))
        }
    }

    @Test("One that fails is made at the next look")
    func failing() async throws {
        try await Plane.with { plane, _ in
            let desk = Self.desk(plane, on: Self.refusing(.put, plane))
            try await Self.working(desk) {
                for count in [0, 1] {
                    try await Self.keeper(desk, plane).lookWhetherDue()
                    #expect(try await Self.list(plane).count == count)
                }
            }
        }
    }

    @Test("What could not be deleted is deleted after the next one")
    func notDeleted() async throws {
        try await Plane.with { plane, _ in
            let desk = Self.desk(plane, on: Self.refusing(.delete, plane))
            try await Self.working(desk) {
                for count in [1, 2, 1] {
                    try await Self.keeper(desk, plane, keep: 1).lookWhetherDue()
                    #expect(try await Self.list(plane).count == count)
                }
            }
        }
    }

    @Test("What a crash left of a backup goes, when it is none that is being made")
    func remains() async throws {
        try await Plane.with { plane, _ in
            let now = plane.loop.clock.now
            let old = BackupManifest.name(at: now - .seconds(2 * 86_400))
            let young = BackupManifest.name(at: now - .seconds(3_600))
            for name in [old, young, "my-own"] {
                try await plane.api.objects.put(
                    try ObjectLayout.backup(name: name, file: BackupManifest.archiveFile),
                    .bytes(ByteBuffer(string: "half of one")), contentType: "application/gzip")
            }
            try await Self.keeper(plane.api.backups, plane).lookWhetherDue()
            let left = try await Self.objects(plane)
            let names = Set(left.compactMap { $0.split(separator: "/").dropFirst().first })
            #expect(left.count == 4 && !names.contains(Substring(old)), "\(left)")
            #expect(names.isSuperset(of: [Substring(young), "my-own"]), "\(left)")
        }
    }

    // MARK: Helpers

    private static func keeper(
        _ desk: BackupDesk, _ plane: Plane, every: Duration = .zero, keep: Int = 100
    ) -> BackupKeeper {
        BackupKeeper(
            desk: desk, clock: plane.loop.clock, every: every, keep: keep,
            logger: plane.api.logger)
    }

    /// Another desk beside that of the plane.
    private static func desk(_ plane: Plane, on objects: any ObjectStore) -> BackupDesk {
        BackupDesk(
            loop: plane.loop, store: plane.store,
            inputs: InputStore(
                objects: objects, keepUploads: .seconds(86_400), logger: plane.api.logger),
            scratch: plane.directory + "/other.part", logger: plane.api.logger)
    }

    /// An object store that refuses one such call.
    private static func refusing(_ call: BrokenObjects.Call, _ plane: Plane) -> BrokenObjects {
        BrokenObjects(
            plane.api.objects, failing: (call, ObjectStoreError(.unavailable, "It hiccups.")),
            times: 1)
    }

    /// Lets a desk work around `body`.
    private static func working(
        _ desk: BackupDesk, _ body: @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await desk.run() }
            defer { group.cancelAll() }
            try await body()
        }
    }

    /// The backups as the API lists them, latest first.
    private static func list(
        _ plane: Plane
    ) async throws -> [(name: String, isAutomatic: Bool)] {
        let (_, list) = try await plane.call(.get, "/api/v1/backups")
        guard case .array(let items)? = list["items"] else { return [] }
        return items.map { (Plane.text($0["name"]) ?? "", $0["automatic"] == .bool(true)) }
    }

    private static func objects(_ plane: Plane) async throws -> [String] {
        try await plane.api.objects.list(prefix: "backups/", next: nil, limit: 100)
            .objects.map(\.key.text)
    }
}
