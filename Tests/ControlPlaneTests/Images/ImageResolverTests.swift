import FleetCore
import Testing

@testable import ControlPlane

@Suite struct ImageResolverTests {
    private static func fleet(_ images: String..., registry: String = "spark:5000") -> FleetSpec {
        FleetSpec(
            registry: registry,
            services: images.map {
                ServiceSpec(name: "s", replicas: 1, worker: WorkerSpec(image: $0))
            })
    }

    @Test func `only the fleet's own registry is asked, once for each image`() async {
        let registry = ToldRegistry(.digest("sha256:a"))
        let images = ["a:1", "spark:5000/b", "ghcr.io/c", "evil:80/d", "e@sha256:00"]
        let jobs = (images + images).map {
            PlanRequest.Member(id: "j", request: JobRequest(kind: .custom, image: $0))
        }
        let pinned = await registry.resolver.pinned(jobs, in: Self.fleet())
        #expect(registry.asked.sorted() == ["spark:5000/a:1", "spark:5000/b"])
        let digests = pinned.map(\.request.imageDigest)
        let expected: [String?] = ["sha256:a", "sha256:a", nil, nil, nil]
        #expect(digests == expected + expected)
        let registries = pinned.prefix(5).map(\.request.imageRegistry)
        #expect(registries == ["spark:5000", nil, nil, nil, nil])
        let elsewhere = await registry.resolver.digests(
            of: ["a:1"], in: Self.fleet(registry: ""))
        #expect(elsewhere.isEmpty)
        #expect(registry.asked.count == 2)
    }

    @Test func `one that is away is left alone, and one that lacks an image is not`() async {
        let registry = ToldRegistry(.unknown("it answers 404"))
        let (resolver, fleet) = (registry.resolver, Self.fleet())
        #expect(await resolver.digests(of: ["a"], in: fleet).isEmpty)
        registry.answers(.away("connection refused"))
        #expect(await resolver.digests(of: ["a"], in: fleet).isEmpty)
        registry.answers(.digest("sha256:a"))
        #expect(await resolver.digests(of: ["a"], in: fleet).isEmpty)
        #expect(registry.asked.count == 2)
        let other = await resolver.digests(of: ["a"], in: Self.fleet(registry: "other:5000"))
        #expect(other == ["a": "sha256:a"])
    }

    @Test func `of many images each is looked up`() async {
        let registry = ToldRegistry(.digest("sha256:a"))
        let images = Set((0..<100).map { "a\($0)" })
        let found = await registry.resolver.digests(of: images, in: Self.fleet())
        #expect(Set(found.keys) == images)
    }

    @Test func `an applied fleet has what the registry says, else what it had`() async {
        let registry = ToldRegistry(.digest("sha256:b"))
        let inForce = Self.fleet("a").pinned(to: ["a": "sha256:a"])
        let resolver = registry.resolver
        let moved = await resolver.pinned(Self.fleet("a"), over: inForce)
        #expect(moved.imageDigests == ["a": "sha256:b"])
        registry.answers(.unknown("it answers 500"))
        let kept = await resolver.pinned(Self.fleet("a", "b"), over: inForce)
        #expect(kept.imageDigests == ["a": "sha256:a"])
        // A name means something else in another registry.
        let gone = await resolver.pinned(Self.fleet("a", registry: "x:1"), over: inForce)
        #expect(gone.imageDigests.isEmpty)
    }

    @Test func `a restart looks up only what is new`() async {
        let registry = ToldRegistry(.digest("sha256:b"))
        let inForce = Self.fleet("a", "never-pinned").pinned(to: ["a": "sha256:a"])
        let resolver = registry.resolver
        let again = await resolver.pinned(
            Self.fleet("a", "never-pinned"), over: inForce, onlyNew: true)
        #expect(again == inForce)
        #expect(registry.asked.isEmpty)
        let more = await resolver.pinned(Self.fleet("a", "c"), over: inForce, onlyNew: true)
        #expect(more.imageDigests == ["a": "sha256:a", "c": "sha256:b"])
        #expect(registry.asked == ["spark:5000/c"])
    }

    @Test func `an assigned image is pinned, and a template is left as it is`() async {
        let registry = ToldRegistry(.digest("sha256:a"))
        let resolver = registry.resolver
        let image = await resolver.pinned(
            AssignmentRequest(target: .image("desk"), mode: .manual), in: Self.fleet())
        #expect(image.target == .image("desk", digest: "sha256:a"))
        let template = AssignmentRequest(target: .template("t"), mode: .manual)
        #expect(await resolver.pinned(template, in: Self.fleet()) == template)
        #expect(registry.asked.count == 1)
    }
}
