import DockerEngine
import FleetCore
import Foundation
import Testing

@testable import NodeAgent

@Suite struct ImageLedgerTests {
    @Test func usesOutliveTheAgent() async throws {
        try await withFolder { folder in
            let path = folder + "/images.json"
            let first = ImageLedger(path: path, logger: quiet)
            first.pulled("sha256:a", at: 100)
            first.pulled("sha256:b", at: 100)
            first.used("sha256:a", at: 5_000)
            // Somebody else's.
            first.used("sha256:c", at: 5_000)
            first.forget("sha256:b")
            let second = ImageLedger(path: path, logger: quiet)
            #expect(second.entries == [.init(id: "sha256:a", usedAt: 5_000)])
            try Data("[{".utf8).write(to: URL(filePath: path))
            #expect(ImageLedger(path: path, logger: quiet).entries.isEmpty)
        }
    }

    @Test func theLeastUsedGoesFirstAndTheNewestStays() {
        let entries = [("c", 9_000), ("a", 1_000), ("b", 500), ("d", 99_000)].map {
            ImageLedger.Entry(id: $0.0, usedAt: $0.1)
        }
        let found = ImageCollector.candidates(entries, now: 9_100)
        #expect(found.map(\.id) == ["b", "a"])
        #expect(ImageCollector.candidates(entries, now: .min / 2).isEmpty)
    }
}

@Suite(.timeLimit(.minutes(2))) struct ImageCollectorTests {
    /// Images of a little content each, which the ledger believes were pulled.
    private func withImages(
        _ rules: ImageCollector.Rules,
        _ body: (ImageCollector, DockerEngine, _ ids: [String]) async throws -> Void
    ) async throws {
        let socket = try await PrivateDocker.socket()
        try await withFolder { folder in
            try await DockerEngine.with(socketPath: socket, logger: quiet) { engine in
                let ledger = ImageLedger(path: folder + "/images.json", logger: quiet)
                var ids: [String] = []
                let mark = UInt32.random(in: 0 ... .max)
                for number in 1...3 {
                    let name = "jessica-agent-test/old-\(mark):\(number)"
                    try runScript(
                        """
                        set -e; mkdir -p \(folder)/i; cp /bin/busybox \(folder)/i/sh
                        echo \(name) >\(folder)/i/name
                        tar -C \(folder)/i -c . | docker -H unix://\(socket) import - \(name)
                        """)
                    let id = try #require(try await engine.inspectImage(name)).id
                    ledger.pulled(id, at: Int64(number))
                    ids.append(id)
                }
                let collector = ImageCollector(
                    engine: engine, ledger: ledger, rules: rules, logger: quiet)
                try await body(collector, engine, ids)
                for id in ids { try? await engine.removeImage(id) }
            }
        }
    }

    private func left(_ engine: DockerEngine, _ ids: [String]) async throws -> [String] {
        let all = try await engine.imageIDs()
        return ids.filter { all.contains($0) }
    }

    @Test func oldImagesGoButNeverOneInUse() async throws {
        try await withImages(.init(keepSeconds: 10_000, minFree: 0)) { collector, engine, ids in
            let container = try await engine.create(
                name: "in-use-\(ids[0].suffix(9))", ContainerSpec(image: ids[0], command: ["/sh"]))
            await collector.collect(now: 9_000)
            #expect(try await left(engine, ids) == ids)
            await collector.collect(now: 10_002)
            #expect(try await left(engine, ids) == [ids[0], ids[2]])
            #expect(collector.ledger.entries.count == 2)
            // The container carries no label of the node, and yet is a use of its image.
            let used = collector.ledger.entries.first { $0.id == ids[0] }?.usedAt
            #expect(used == 10_002)
            try await engine.remove(container, force: true)
            await collector.collect(now: 21_000)
            #expect(try await left(engine, ids).isEmpty)
            #expect(collector.ledger.entries.isEmpty)
        }
    }

    @Test func aFullDiskMakesThemGoSoonerButNotTheNewest() async throws {
        let rules = ImageCollector.Rules(keepSeconds: nil, minFree: 1 << 60)
        try await withImages(rules) { collector, engine, ids in
            collector.ledger.used(ids[2], at: 3_000)
            await collector.collect(now: 4_000)
            let still = try await left(engine, ids)
            #expect(still == [ids[2]])
        }
    }

    @Test func anImageThatSomebodyHasNamedTooStays() async throws {
        try await withImages(.init(keepSeconds: 1, minFree: 0)) { collector, engine, ids in
            let socket = try await PrivateDocker.socket()
            let name = "mine/\(ids[1].suffix(9)):1"
            try runScript("docker -H unix://\(socket) tag \(ids[1]) \(name)")
            await collector.collect(now: 99_999)
            #expect(try await left(engine, ids) == [ids[1]])
            try runScript("docker -H unix://\(socket) rmi \(name)")
        }
    }
}
