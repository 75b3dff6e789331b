import FleetCore
import HTTPTypes
import Testing

@testable import ControlPlane

@Suite("Images are pinned when they are accepted", .serialized)
struct ImagePinAPITests {
    private static let file = """
        fleet: test
        registry: spark:5000
        clusters:
          vision: {nodes: [agx-01], kinds: [image], service: sdxl-api}
        roamers: {nodes: [agx-11]}
        services:
          sdxl-api: {replicas: 1, image: jessica/sdxl:latest, contract: cog, memory: 1GB}

        """

    private static func digest(_ digit: String) -> String {
        "sha256:" + String(repeating: digit, count: 64)
    }

    @Test("A tag that was moved is a change of the fleet, and a registry that is away is none")
    func fleet() async throws {
        let registry = ToldRegistry(.digest(Self.digest("a")))
        try await Plane.with(fleet: nil, registry: registry) { plane, _ in
            func apply(_ query: String = "") async throws -> JSONValue {
                let (status, json) = try await plane.call(.post, "/api/v1/fleet\(query)", Self.file)
                #expect(status == .ok, "\(json)")
                return json
            }
            #expect(try await apply()["applied"] == .bool(true))
            #expect(try await apply("?dryRun=true")["changes"] == .array([]))
            let (_, service) = try await plane.call(.get, "/api/v1/services/sdxl-api")
            #expect(service["imageDigest"] == .string(Self.digest("a")))

            registry.answers(.unknown("it answers 500"))
            #expect(try await apply("?dryRun=true")["changes"] == .array([]))
            #expect(try await apply()["applied"] == .bool(false))

            registry.answers(.digest(Self.digest("b")))
            let changes = try await apply("?dryRun=true")["changes"]
            #expect(changes?[0]?["what"] == .string("services.sdxl-api.image.digest"))
            #expect(
                changes?[0]?["detail"] == .string("sha256:aaaaaaaaaaaa → sha256:bbbbbbbbbbbb"))
            #expect(changes?[1] == nil)
            #expect(try await apply()["applied"] == .bool(true))
            let fleet = await plane.loop.read { controller, _ in controller.fleet }
            #expect(fleet.imageDigests == ["jessica/sdxl:latest": Self.digest("b")])
        }
    }

    @Test("A job is what its image was, and the same request is the same though the tag was moved")
    func job() async throws {
        let registry = ToldRegistry(.digest(Self.digest("a")))
        let fleet = FleetSpec(fleet: "test", registry: "spark:5000", roamers: ["agx-11"])
        try await Plane.with(fleet: fleet, registry: registry) { plane, _ in
            let key = try #require(HTTPField.Name("Idempotency-Key"))
            func submit(_ headers: HTTPFields = [:]) async throws -> JSONValue {
                let (status, json) = try await plane.call(
                    .post, "/api/v1/jobs", #"{"kind":"custom","image":"tool:1"}"#, headers: headers)
                #expect(status == .accepted, "\(json)")
                return json
            }
            let first = try await submit([key: "k"])
            #expect(first["imageDigest"] == .string(Self.digest("a")))
            registry.answers(.digest(Self.digest("b")))
            let again = try await submit([key: "k"])
            #expect(again["id"] == first["id"])
            #expect(again["imageDigest"] == first["imageDigest"])
            #expect(registry.asked == ["spark:5000/tool:1"])
            #expect(try await submit()["imageDigest"] == .string(Self.digest("b")))
            registry.answers(.unknown("it answers 404"))
            #expect(try await submit()["imageDigest"] == nil)
            let (status, _) = try await plane.call(
                .post, "/api/v1/jobs", #"{"kind":"custom","image":"tool:1","imageDigest":"x"}"#)
            #expect(status == .badRequest)
        }
    }

    @Test("The jobs of a plan are pinned too")
    func plan() async throws {
        let registry = ToldRegistry(.digest(Self.digest("a")))
        let fleet = FleetSpec(fleet: "test", registry: "spark:5000", roamers: ["agx-11"])
        try await Plane.with(fleet: fleet, registry: registry) { plane, _ in
            let (status, json) = try await plane.call(
                .post, "/api/v1/plans",
                #"{"steps":[{"name":"a","kind":"custom","image":"tool:1","count":3}]}"#)
            #expect(status == .accepted, "\(json)")
            let digests = await plane.loop.read { controller, _ in
                controller.jobs.values.map(\.request.imageDigest)
            }
            #expect(digests == Array(repeating: Self.digest("a"), count: 3))
            #expect(registry.asked.count == 1)
        }
    }
}
