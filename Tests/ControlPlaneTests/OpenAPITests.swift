import Foundation
import Hummingbird
import JobCatalogue
import Testing
import Yams

@testable import ControlPlane

@Suite("The description of the API")
struct OpenAPITests {
    private var document: [String: Any] {
        get throws {
            let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .deletingLastPathComponent().deletingLastPathComponent()
            let text = try String(
                contentsOf: root.appendingPathComponent("docs/openapi.yaml"), encoding: .utf8)
            return try #require(try Yams.load(yaml: text) as? [String: Any])
        }
    }

    @Test("It has every route of the server, and no other")
    func routes() async throws {
        let paths = try #require(try document["paths"] as? [String: [String: Any]])
        let methods: Set = ["get", "put", "post", "delete", "patch"]
        let described = Set(
            paths.flatMap { path, item in
                item.keys.filter { methods.contains($0) }.map { "\($0.uppercased()) \(path)" }
            })
        let served = try await Plane.with { plane, _ in
            // Objects are reached by signed URLs that the controller itself hands out.
            Set(
                plane.api.routes(tokens: nil).routes.map { "\($0.method) \($0.path)" }
                    .filter { !$0.contains(" /objects/") })
        }
        #expect(described == served)
    }

    @Test("It allows what the server allows of a job")
    func jobFields() throws {
        let schemas = try #require(
            (try document["components"] as? [String: Any])?["schemas"] as? [String: [String: Any]])
        let job = try #require(schemas["JobRequest"]?["properties"] as? [String: Any])
        #expect(Set(job.keys) == JobBody.known)
        let action = try #require(schemas["BulkAction"]?["properties"] as? [String: [String: Any]])
        let filter = try #require(action["filter"]?["properties"] as? [String: Any])
        #expect(Set(filter.keys) == Set(JobFilter.names))
        let plan = try #require(schemas["PlanRequest"]?["properties"] as? [String: Any])
        #expect(Set(plan.keys) == PlanBody.known)
        let step = try #require(schemas["Step"]?["properties"] as? [String: Any])
        #expect(Set(step.keys) == JobBody.known.union(PlanBody.stepOnly))
    }
}
