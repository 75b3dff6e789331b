import DockerEngine
import FleetCore
import Testing

@testable import NodeAgent

@Suite(.timeLimit(.minutes(1))) struct CleanerTests {
    /// A Docker with one container, whose volume it leaves behind.
    private final class Daemon: Sendable {
        private typealias Answer = StubDocker.Answer

        /// As Docker calls a volume that the image of a container declares.
        static let volume = String(repeating: "0a", count: 32)
        private static let labels = #"{"jessica.fleet":"f","jessica.node":"n"}"#
        private static let mounts = #"[{"Type":"volume","Name":"\#(volume)"}]"#

        /// Whether it lives to tell that it has removed the container.
        let survives: Bool
        let isThere = Latest(true)
        /// Whether the volume cannot be removed.
        let isHeld = Latest(true)
        let isVolumeThere = Latest(true)

        init(survives: Bool) { self.survives = survives }

        func answer(_ request: String) -> StubDocker.Answer? {
            switch String(request.prefix { $0 != "?" }) {
            case "GET /containers/json": return Answer(body: isThere.value ? Self.list : "[]")
            case "GET /containers/w/json":
                return isThere.value ? Answer(body: Self.info) : Answer.missing
            case "DELETE /containers/w":
                isThere.set(false)
                return survives ? Answer() : nil
            // It has none of our labels.
            case "GET /volumes": return Answer(body: #"{"Volumes":[]}"#)
            case "GET /volumes/\(Self.volume)":
                return isVolumeThere.value ? Answer(body: "{}") : Answer.missing
            case "DELETE /volumes/\(Self.volume)":
                if isHeld.value { return Answer(status: 409, body: #"{"message":"in use"}"#) }
                isVolumeThere.set(false)
                return Answer()
            default: return Answer(body: "[]")
            }
        }

        private static var list: String {
            #"[{"Id":"w","Names":["/w"],"State":"running","Labels":\#(labels),"#
                + #""Mounts":\#(mounts)}]"#
        }
        private static var info: String {
            #"{"Id":"w","Name":"/w","State":{"Status":"running"},"#
                + #""Config":{"Labels":\#(labels)},"Mounts":\#(mounts)}"#
        }
    }

    private static let labels = NodeLabels(fleet: "f", node: "n")

    /// Runs a body with what removes and cleans on a node of such a Docker.
    private func with(
        _ daemon: Daemon, _ body: (Containers, Cleaner) async throws -> Void
    ) async throws {
        try await withFolder { folder in
            try await StubDocker.with {
                daemon.answer($0)
            } _: { engine, _ in
                let ledger = ContainerLedger()
                let memory = IdleMemory(margin: nil)
                let network = NodeNetwork(engine: engine, labels: Self.labels)
                let containers = Containers(
                    engine: engine, labels: Self.labels, network: network,
                    joins: NetworkJoins(engine: engine, logger: quiet),
                    host: HostFacts(
                        engine: engine, models: nil, memoryMax: 1 << 30, devices: DeviceRules(),
                        logger: quiet),
                    memory: memory, ledger: ledger, inputs: InputResolver.none,
                    uploadURL: { _, _ in nil }, logger: quiet)
                let cleaner = Cleaner(
                    engine: engine, labels: Self.labels, network: network,
                    folder: AttemptFolders(root: folder), memory: memory, ledger: ledger,
                    logger: quiet)
                try await body(containers, cleaner)
            }
        }
    }

    /// Expects that the node is not clean before the volume is gone.
    private func expectVolumeToGo(_ daemon: Daemon, _ cleaner: Cleaner) async {
        let left = await cleaner.clean(keeping: [])
        #expect(left == ["volume \(Daemon.volume)"])
        #expect(!daemon.isThere.value && cleaner.ledger.volumes == [Daemon.volume])
        daemon.isHeld.set(false)
        let nothing = await cleaner.clean(keeping: [])
        #expect(nothing.isEmpty && !daemon.isVolumeThere.value)
        #expect(cleaner.ledger.volumes.isEmpty)
    }

    @Test(arguments: [true, false])
    func `a volume that Docker leaves behind with its container is in the way`(
        survives: Bool
    ) async throws {
        let daemon = Daemon(survives: survives)
        try await with(daemon) { _, cleaner in await expectVolumeToGo(daemon, cleaner) }
    }

    @Test func `a Docker killed between a container and its volume leaves it to the cleanup`()
        async throws
    {
        let daemon = Daemon(survives: false)
        try await with(daemon) { containers, cleaner in
            let unknown = await containers.remove("w", grace: .seconds(1)) {}
            #expect(unknown?.code == .dockerUnavailable)
            let gone = await containers.remove("w", grace: .seconds(1)) {}
            #expect(gone == nil)
            await expectVolumeToGo(daemon, cleaner)
        }
    }

    @Test func `memory that does not come back is in the way until it does`() async throws {
        let used = Latest<UInt64>(2_000_000_000)
        let memory = IdleMemory(margin: 1_000_000_000) { used.value }
        memory.nothingRuns()
        memory.workBegins()
        used.set(9_000_000_000)
        try await withFolder { folder in
            // Of what ran nothing is there any more.
            try await StubDocker.with { request in
                StubDocker.Answer(
                    body: request.hasPrefix("GET /volumes") ? #"{"Volumes":[]}"# : "[]")
            } _: { engine, _ in
                let cleaner = Cleaner(
                    engine: engine, labels: Self.labels,
                    network: NodeNetwork(engine: engine, labels: Self.labels),
                    folder: AttemptFolders(root: folder), memory: memory,
                    ledger: ContainerLedger(), backWithin: .zero, logger: quiet)
                let left = await cleaner.clean(keeping: [])
                #expect(left.count == 1)
                #expect(left.first?.hasPrefix("memory: 7000 MB more in use") == true, "\(left)")
                used.set(2_900_000_000)
                let nothing = await cleaner.clean(keeping: [])
                #expect(nothing.isEmpty)
            }
        }
        #expect(memory.beyond == 0, "what is in use now is the node's own")
    }
}
