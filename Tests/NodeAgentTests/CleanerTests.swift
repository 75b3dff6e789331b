import DockerEngine
import FleetCore
import Testing

@testable import NodeAgent

@Suite(.timeLimit(.minutes(1))) struct CleanerTests {
    private typealias Answer = StubDocker.Answer

    private static let labels = NodeLabels(fleet: "f", node: "n")
    /// As Docker calls a volume that the image of a container declares.
    private static let volume = String(repeating: "0a", count: 32)
    private static let container =
        #"[{"Id":"w","Names":["/w"],"State":"running","#
        + #""Labels":{"jessica.fleet":"f","jessica.node":"n"},"#
        + #""Mounts":[{"Type":"volume","Name":"\#(volume)"}]}]"#

    @Test func `a volume that Docker leaves behind with its container is in the way`() async throws
    {
        let isThere = Latest(true)
        let isHeld = Latest(true)
        let isVolumeThere = Latest(true)
        try await withFolder { folder in
            try await StubDocker.with { request in
                switch String(request.prefix { $0 != "?" }) {
                case "GET /containers/json":
                    return Answer(body: isThere.value ? Self.container : "[]")
                case "DELETE /containers/w":
                    isThere.set(false)
                    return Answer()
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
            } _: { engine, _ in
                let ledger = ContainerLedger()
                let cleaner = Cleaner(
                    engine: engine, labels: Self.labels,
                    network: NodeNetwork(engine: engine, labels: Self.labels),
                    folder: AttemptFolders(root: folder), memory: IdleMemory(margin: nil),
                    ledger: ledger, logger: quiet)
                let left = await cleaner.clean(keeping: [])
                #expect(left == ["volume \(Self.volume)"])
                #expect(!isThere.value && ledger.removedVolumes == [Self.volume])
                isHeld.set(false)
                let nothing = await cleaner.clean(keeping: [])
                #expect(nothing.isEmpty && !isVolumeThere.value)
                #expect(ledger.removedVolumes.isEmpty)
            }
        }
    }
}
