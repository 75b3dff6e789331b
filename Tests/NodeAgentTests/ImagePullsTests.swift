import DockerEngine
import FleetCore
import Testing

@testable import NodeAgent

@Suite(.timeLimit(.minutes(1))) struct ImagePullsTests {
    private typealias Answer = StubDocker.Answer
    private typealias Operation = FleetCore.Operation

    @Test func `two that want one image share its pull, and both hear of it`() async throws {
        let id = "sha256:" + String(repeating: "a", count: 64)
        let stream =
            #"{"status":"Pulling fs layer","id":"1","progressDetail":{}}"# + "\n"
            + #"{"status":"Downloading","id":"1","progressDetail":"#
            + #"{"current":60000000,"total":90000000}}"# + "\n"
            + #"{"status":"Status: Downloaded newer image"}"# + "\n"
        try await withFolder { folder in
            try await StubDocker.with { request in
                switch request {
                case "GET /images/json": Answer(body: "[]")
                case _ where request.hasPrefix("POST /images/create"): Answer(body: stream)
                case _ where request.hasPrefix("GET /images/"): Answer(body: #"{"Id":"\#(id)"}"#)
                default: Answer.missing
                }
            } _: { engine, stub in
                let ledger = ImageLedger(path: folder + "/images.json", logger: quiet)
                let pulls = ImagePulls(
                    engine: engine, sources: ImageSources(registries: []), ledger: ledger,
                    stallTimeout: .seconds(10), logger: quiet)
                let posted = Posted<AgentEvent>()
                #expect(pulls.join(Operation(1), "tool:1"))
                #expect(!pulls.join(Operation(2), "tool:1"))
                await pulls.run("tool:1") { posted.post($0) }
                #expect(stub.requests.count { $0.hasPrefix("POST /images/create") } == 1)
                let events = posted.all()
                for operation in [Operation(1), Operation(2)] {
                    #expect(events.contains(.pulled(operation, .success(id))))
                    #expect(
                        events.contains {
                            guard case .pulling(operation, let step) = $0 else { return false }
                            return step.text.hasPrefix("pulling")
                        })
                }
                #expect(ledger.entries.map(\.id) == [id])
                #expect(pulls.join(Operation(3), "tool:1"), "who comes later begins anew")
            }
        }
    }

    @Test func `an image of another registry is refused before Docker hears of it`() async throws {
        try await withFolder { folder in
            try await StubDocker.with { _ in
                // It is here, and would do.
                Answer(body: #"{"Id":"sha256:1"}"#)
            } _: { engine, stub in
                let pulls = ImagePulls(
                    engine: engine, sources: ImageSources(registries: ["spark:5000"]),
                    ledger: ImageLedger(path: folder + "/images.json", logger: quiet),
                    stallTimeout: .seconds(10), logger: quiet)
                let posted = Posted<AgentEvent>()
                #expect(pulls.join(Operation(1), "evil/x:1"))
                await pulls.run("evil/x:1") { posted.post($0) }
                let events = posted.all()
                guard case .pulled(Operation(1), .failure(let failure)) = events.first else {
                    Issue.record("it was not refused: \(events)")
                    return
                }
                #expect(events.count == 1 && failure.code == .imageNotAllowed)
                #expect(failure.message.contains("evil/x:1"))
                #expect(failure.message.contains("spark:5000"))
                #expect(stub.requests.isEmpty)
            }
        }
    }
}
