import FleetCore
import Settings
import Testing

@testable import ControlPlane

@Suite struct FleetFileTests {
    /// The example of the contracts, with its missing parts left out as they are there.
    static let example = """
        fleet: jessica
        registry: spark:5000              # short image names resolve here
        models: {source: "spark:/mnt/models", mount: /mnt/spark-models}
        storage: {endpoint: http://spark:9000, bucket: jessica}
        clusters:
          vision:
            nodes: [agx-01, agx-02]
            kinds: [image]                # job kinds it serves
            service: sdxl-api
            template: sdxl-worker         # what a roamer becomes to help it
            scaling: {backlog_factor: 2, overflow: busy, max_roamers: 3, release_idle: 5m}
        roamers: {nodes: [agx-11, agx-12, agx-13, agx-14, agx-15]}
        services:
          sdxl-api: {replicas: 2, image: jessica/sdxl:latest, gpu: true, models: [sdxl-base-1.0], contract: cog, slots: 1, memory: 18GB}
        templates:
          sdxl-worker: {image: jessica/sdxl:latest, startup_time: 45s, contract: cog, memory: 18GB}
        """

    private func lines(_ text: String) -> [String] {
        FleetFile.parse(text: text, name: "cluster.yaml").mistakes.map(\.description)
    }

    @Test func exampleHasEveryValue() throws {
        let parsed = FleetFile.parse(text: Self.example, name: "cluster.yaml")
        #expect(parsed.mistakes.isEmpty, "\(parsed.mistakes)")
        let worker = WorkerSpec(
            image: "jessica/sdxl:latest", contract: .cog, slots: 1, memory: 18_000_000_000,
            gpu: true, models: ["sdxl-base-1.0"])
        var template = worker
        template.gpu = false
        template.models = []
        #expect(
            parsed.spec
                == FleetSpec(
                    fleet: "jessica", registry: "spark:5000",
                    models: ModelSource(source: "spark:/mnt/models", mount: "/mnt/spark-models"),
                    storage: StorageSpec(endpoint: "http://spark:9000", bucket: "jessica"),
                    clusters: [
                        ClusterSpec(
                            name: "vision", nodes: ["agx-01", "agx-02"], kinds: [.image],
                            service: "sdxl-api", template: "sdxl-worker",
                            scaling: ScalingSpec(
                                backlogFactor: 2, overflow: .busy, maxRoamers: 3,
                                releaseIdle: .seconds(300), backup: true))
                    ],
                    roamers: ["agx-11", "agx-12", "agx-13", "agx-14", "agx-15"],
                    services: [ServiceSpec(name: "sdxl-api", replicas: 2, worker: worker)],
                    templates: [
                        TemplateSpec(
                            name: "sdxl-worker", startupTime: .seconds(45), worker: template)
                    ]))
    }

    @Test func everyOtherValue() throws {
        let text = """
            clusters:
              eyes:
                nodes: [agx-09]
                kinds: [vision, custom]
                service: camera
                scaling: {backlog_factor: 7, overflow: never, max_roamers: 0, release_idle: 1h30m, backup: false}
            services:
              camera:
                startup_time: 90s
                image: "[fd00::1]:5000/jessica/camera@sha256:\(String(repeating: "a1", count: 32))"
                contract: openai
                slots: 4
                memory: 1.5GiB
                devices: [/dev/video0, /dev/snd]
                components: [a b, c]
                networks: [fleet-mgmt]
                command: [python3, -m, serve, "true", ""]
            templates:
              once: {image: once, contract: exec, gpu: true, command: [run]}
              film: {image: film, large_outputs: true}
              spare: {image: spare, contract: opaque, large_outputs: false, slots: 2, gpu: true, models: [m], devices: [/dev/dri], command: [run]}
            """
        let spec = try #require(FleetFile.parse(text: text, name: "f").spec, "\(lines(text))")
        let cluster = try #require(spec.cluster("eyes"))
        #expect(cluster.kinds == [.vision, .custom])
        #expect(
            cluster.scaling
                == ScalingSpec(
                    backlogFactor: 7, overflow: .never, maxRoamers: 0, releaseIdle: .seconds(5400),
                    backup: false))
        let camera = try #require(spec.service("camera"))
        #expect(camera.replicas == 1)
        #expect(camera.startupTime == .seconds(90))
        #expect(camera.worker.contract == .openai)
        #expect(camera.worker.slots == 4)
        #expect(camera.worker.memory == 1_610_612_736)
        #expect(camera.worker.devices == ["/dev/video0", "/dev/snd"])
        #expect(camera.worker.components == ["a b", "c"])
        #expect(camera.worker.networks == ["fleet-mgmt"])
        #expect(camera.worker.command == ["python3", "-m", "serve", "true", ""])
        let once = try #require(spec.template("once"))
        #expect(
            once.worker
                == WorkerSpec(image: "once", contract: .exec, gpu: true, command: ["run"]))
        let film = try #require(spec.template("film"))
        #expect(film.worker == WorkerSpec(image: "film", largeOutputs: true))
        let spare = try #require(spec.template("spare"))
        #expect(spare.startupTime == .seconds(60))
        #expect(
            spare.worker
                == WorkerSpec(
                    image: "spare", contract: .opaque, slots: 2, gpu: true, models: ["m"],
                    devices: ["/dev/dri"], command: ["run"]))
    }

    @Test func replicasUnsaidAreAllNodesOfTheCluster() throws {
        let text = """
            clusters: {brain: {nodes: [a, b, c], service: llm}}
            services: {llm: {image: llm}, other: {image: other}}
            """
        let spec = try #require(FleetFile.parse(text: text, name: "f").spec)
        #expect(spec.service("llm")?.replicas == 3)
        #expect(spec.service("other")?.replicas == 1)
    }

    @Test func emptyPartsAreNothing() throws {
        let text = "clusters:\nroamers:\nservices:\ntemplates:\nnetworks:\nmodels:\nstorage:\n"
        #expect(FleetFile.parse(text: text, name: "f").spec == FleetSpec())
    }

    @Test func anAliasIsItsValue() throws {
        let text = """
            services: {a: &one {image: one, gpu: true}, b: *one}
            """
        let spec = try #require(FleetFile.parse(text: text, name: "f").spec)
        #expect(spec.service("b")?.worker == WorkerSpec(image: "one", gpu: true))
    }

    @Test func fiveMistakesAreFiveLines() {
        let text = """
            clusters:
              vision:
                nodes: [agx-01, agx-02]
                servise: sdxl-api
              video:
                nodes:
                  - agx-03
                  - agx-01
                service: wan-api
            services:
              sdxl-api: {replicas: 2, gpu: true}
              wan-api: {replicas: 3, image: jessica/wan:latest}
            templates:
              wan-worker:
                image: jessica/wan:latest
                startup_time: 45
            """
        #expect(
            lines(text) == [
                "cluster.yaml:4: clusters.vision.servise: unknown key; did you mean service?",
                "cluster.yaml:8: clusters.video.nodes: agx-01 is already in cluster vision (line 3)",
                "cluster.yaml:11: services.sdxl-api: the service has no image",
                "cluster.yaml:12: services.wan-api.replicas: 3 replicas, but cluster video has 2 nodes (line 5)",
                "cluster.yaml:16: templates.wan-worker.startup_time: needs a unit, like 45s, 5m, 1h or 2h30m, not \"45\"",
            ])
    }

    @Test func repeatedKeysAreReportedWithTheRest() {
        let text = """
            services:
              a:
                image: one
                "image": two
                image: three
              b: {image: x, gpu: maybe}
            fleet: one
            fleet: two
            """
        #expect(
            lines(text) == [
                "cluster.yaml:4: services.a.image: is already given on line 3",
                "cluster.yaml:5: services.a.image: is already given on line 3",
                "cluster.yaml:6: services.b.gpu: must be true or false, not \"maybe\"",
                "cluster.yaml:8: fleet: is already given on line 7",
            ])
    }
}
