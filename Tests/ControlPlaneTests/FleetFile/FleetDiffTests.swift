import FleetCore
import Testing

@testable import ControlPlane

@Suite struct FleetDiffTests {
    private func spec(_ text: String) throws -> FleetSpec {
        let parsed = FleetFile.parse(text: text, name: "f")
        return try #require(parsed.spec, "\(parsed.mistakes)")
    }

    @Test func nothingChanges() throws {
        let one = try spec(FleetFileTests.example)
        #expect(FleetDiff.between(old: one, new: one).isEmpty)
    }

    @Test func everythingIsNewAtFirst() throws {
        let changes = FleetDiff.between(old: nil, new: try spec(FleetFileTests.example))
        #expect(changes.allSatisfy { $0.action == .add })
        #expect(
            changes.map(\.what) == [
                "fleet", "registry", "models.source", "models.mount", "storage.endpoint",
                "storage.bucket", "clusters.vision", "roamers.nodes", "services.sdxl-api",
                "templates.sdxl-worker",
            ])
        #expect(
            changes.map(\.description).contains(
                "+ templates.sdxl-worker: startup_time 45s; image jessica/sdxl:latest; contract cog; slots 1; memory 18GB"
            ))
    }

    @Test func eachDifferenceIsNamed() throws {
        let old = try spec(FleetFileTests.example)
        let new = try spec(
            """
            fleet: jessica
            models: {source: "spark:/mnt/models", mount: /mnt/other}
            storage: {endpoint: http://spark:9000, bucket: jessica}
            clusters:
              video: {nodes: [agx-03]}
              vision:
                nodes: [agx-02, agx-11]
                service: sdxl-api
                scaling: {max_roamers: 4}
            roamers: {nodes: [agx-12, agx-11b, agx-14, agx-13, agx-15]}
            services:
              sdxl-api: {image: jessica/sdxl:2, startup_time: 5m, gpu: true, models: [m], memory: 18000MB, command: [a, "b c"], large_outputs: true}
            """)
        #expect(
            FleetDiff.between(old: old, new: new).map(\.description) == [
                "- registry: spark:5000",
                "~ models.mount: /mnt/spark-models → /mnt/other",
                "+ clusters.video: nodes agx-03; kinds video; scaling.backlog_factor 2; "
                    + "scaling.overflow busy; scaling.max_roamers 3; scaling.release_idle 5m; "
                    + "scaling.backup true",
                "~ clusters.vision.nodes: +agx-11 -agx-01",
                "- clusters.vision.template: sdxl-worker",
                "~ clusters.vision.scaling.max_roamers: 3 → 4",
                "~ roamers.nodes: +agx-11b -agx-11",
                "+ services.sdxl-api.startup_time: 5m",
                "~ services.sdxl-api.image: jessica/sdxl:latest → jessica/sdxl:2",
                "~ services.sdxl-api.models: +m -sdxl-base-1.0",
                "+ services.sdxl-api.command: \"a\" \"b c\"",
                "~ services.sdxl-api.large_outputs: false → true",
                "- templates.sdxl-worker: startup_time 45s; image jessica/sdxl:latest; contract cog; slots 1; memory 18GB",
            ])
    }

    @Test func orderOfNodesIsAChangeAndOfClustersIsNot() throws {
        let one = try spec("clusters: {a: {nodes: [x, y]}, b: {nodes: [z]}}")
        let two = try spec("clusters: {b: {nodes: [z]}, a: {nodes: [y, x]}}")
        #expect(
            FleetDiff.between(old: one, new: two).map(\.description) == [
                "~ clusters.a.nodes: order y, x"
            ])
    }
}
