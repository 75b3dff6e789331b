import FleetCore
import Testing

@testable import ControlPlane

/// The user's own YAML loads as it stands.
@Suite struct FleetFileUserTests {
    @Test(arguments: UserBlocks.all)
    func eachBlockIsAFile(block: String) throws {
        let parsed = FleetFile.parse(text: block, name: "cluster.yaml")
        #expect(parsed.mistakes.isEmpty, "\(parsed.mistakes)")
        #expect(parsed.spec != nil)
    }

    @Test func serviceBlockHasEveryValue() throws {
        let spec = try #require(
            FleetFile.parse(text: UserBlocks.services, name: "cluster.yaml").spec)
        checkServices(spec)
        let camera = try #require(spec.service("camera-api"))
        #expect(
            camera.worker.devices == ["/dev/video0", "/dev/video1", "/dev/video2", "/dev/video3"])
        #expect(camera.worker.models == ["yolov8", "depth-anything", "face-recognition"])
        let personality = try #require(spec.service("jessica-personality"))
        #expect(
            personality.worker.components == [
                "emotion-engine", "memory-system", "creativity-module",
            ])
        let llm = try #require(spec.service("llm-api"))
        #expect(llm.worker.models == ["llama-3.1-70b-4bit", "mistral-nemo"])
    }

    private func checkServices(_ spec: FleetSpec) {
        #expect(
            spec.services.map(\.name) == [
                "sdxl-api", "wan-api", "tts-api", "music-api", "llm-api", "camera-api",
                "jessica-personality",
            ])
        #expect(spec.services.map(\.replicas) == [2, 2, 1, 1, 2, 1, 1])
        #expect(spec.services.allSatisfy { $0.worker.gpu && $0.worker.contract == .cog })
        let sdxl = spec.service("sdxl-api")
        #expect(sdxl?.worker.image == "jessica/sdxl:latest")
        #expect(
            sdxl?.worker.models == [
                "sdxl-base-1.0", "sdxl-refiner-1.0", "controlnet-*", "loras/*",
            ])
    }

    @Test func templateBlockHasEveryValue() throws {
        let spec = try #require(
            FleetFile.parse(text: UserBlocks.templates, name: "cluster.yaml").spec)
        #expect(
            spec.templates.map(\.name) == [
                "sdxl-worker", "wan-worker", "llm-worker", "tts-worker", "generic-worker",
            ])
        #expect(spec.templates.map(\.startupTime) == [45, 60, 30, 20, 10].map { .seconds($0) })
        #expect(spec.template("generic-worker")?.worker.image == "jessica/base:latest")
    }

    @Test func allBlocksInOneFile() throws {
        let parsed = FleetFile.parse(
            text: UserBlocks.all.joined(separator: "\n"), name: "cluster.yaml")
        #expect(parsed.mistakes.isEmpty, "\(parsed.mistakes)")
        let spec = try #require(parsed.spec)
        checkServices(spec)
        #expect(spec.templates.count == 5)
        #expect(spec.nodes.isEmpty)
    }

    @Test func blocksUnderServicesWithClusters() throws {
        let text =
            "services:\n" + indented(UserBlocks.spark) + indented(UserBlocks.services)
            + UserBlocks.templates + UserBlocks.networks + Self.clusters
        let parsed = FleetFile.parse(text: text, name: "cluster.yaml")
        #expect(parsed.mistakes.isEmpty, "\(parsed.mistakes)")
        let spec = try #require(parsed.spec)
        checkServices(spec)
        #expect(spec.nodes.count == 15)
        #expect(
            spec.clusters.map(\.kinds) == [
                [.image], [.video], [.voice], [.audio], [.text], [.vision], [.personality],
            ])
    }

    private func indented(_ block: String) -> String {
        block.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)\n" }.joined()
    }

    static let clusters = """
        clusters:
          vision: {nodes: [agx-01, agx-02], service: sdxl-api, template: sdxl-worker}
          video: {nodes: [agx-03, agx-04], service: wan-api, template: wan-worker}
          voice: {nodes: [agx-05], service: tts-api, template: tts-worker}
          audio: {nodes: [agx-06], service: music-api}
          brain: {nodes: [agx-07, agx-08], service: llm-api, template: llm-worker}
          eyes: {nodes: [agx-09], service: camera-api}
          jessica: {nodes: [agx-10], service: jessica-personality}
        roamers: {nodes: [agx-11, agx-12, agx-13, agx-14, agx-15]}
        """
}
