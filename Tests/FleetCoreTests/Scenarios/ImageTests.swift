import FleetCore
import OrderedCollections
import Testing

/// What agents are told to run is what was found when it was accepted.
@Suite struct ImageTests {
    @Test func `a name has parts`() {
        let names: [(text: String, host: String?, path: String, tag: String?, digest: String?)] = [
            ("sdxl", nil, "sdxl", nil, nil), ("tool:1", nil, "tool", "1", nil),
            ("jessica/sdxl:2", nil, "jessica/sdxl", "2", nil),
            ("spark:5000/a/b", "spark:5000", "a/b", nil, nil),
            ("localhost/x:1@sha256:ab", "localhost", "x", "1", "sha256:ab"),
            ("ghcr.io/x@sha256:ab", "ghcr.io", "x", nil, "sha256:ab"),
            ("[::1]:5000/x:1", "[::1]:5000", "x", "1", nil), ("SPARK/x", "SPARK", "x", nil, nil),
            ("evil.example/\u{301}x", "evil.example", "\u{301}x", nil, nil),
        ]
        for (text, host, path, tag, digest) in names {
            let name = ImageName(text)
            #expect(name.host == host, "\(text)")
            #expect(name.path == path, "\(text)")
            #expect(name.tag == tag, "\(text)")
            #expect(name.digest == digest, "\(text)")
            #expect(name.description == text)
        }
    }

    @Test func `only images of the fleet's own registry have a place there`() {
        var fleet = FleetSpec(registry: "spark:5000")
        #expect(fleet.place(of: "a/b:1")?.description == "spark:5000/a/b:1")
        #expect(fleet.place(of: "spark:5000/x")?.path == "x")
        for other in ["ghcr.io/x", "spark:5001/x", "localhost/x", "x@sha256:ab", "127.0.0.1:1/x"] {
            #expect(fleet.place(of: other) == nil, "\(other)")
        }
        // Docker takes that for a folder of its usual registry.
        fleet.registry = "spark"
        #expect(fleet.place(of: "x") == nil)
        fleet.registry = ""
        #expect(fleet.place(of: "x") == nil)
    }

    @Test func `a tag that was moved replaces the pods when it is applied`() {
        let w = World(.small)
        w.run(for: .seconds(10))
        for digest in ["sha256:a", "sha256:b"] {
            let image = "jessica/vision:1"
            let fleet = FleetSpec.small.pinned(to: [image: digest])
            #expect(fleet.imageDigests == [image: digest])
            #expect(w.answer { .apply($0, fleet) } == .done)
            w.expect(within: 20) {
                ["agx-01", "agx-02"].allSatisfy {
                    w.host($0).containers.map(\.image) == ["\(image)@\(digest)"]
                }
            }
        }
        #expect(w.host("agx-03").containers.map(\.image) == ["jessica/eyes:1"])
        #expect(w.controller.fleetRevision == 2)
        w.expectSound()
    }

    @Test func `every try of a job is told to run the image that was accepted`() {
        let w = World(.small)
        w.run(for: .seconds(10))
        var request = JobRequest(kind: .custom, image: "tool:1", input: "1 fail", retries: 2)
        request.imageDigest = "sha256:a"
        let id = w.submit(request)
        w.expectEnd(id, .failed, within: 120)
        #expect(w.job(id)?.attempts.count == 3)
        let images = w.hosts.values.reduce(into: Set<String>()) { $0.formUnion($1.images) }
        #expect(images.filter { $0.contains("tool") } == ["tool:1@sha256:a"])
        w.expectSound()
    }

    @Test func `what another registry had under a short name is not looked for in this one`() {
        let w = World(.small)
        w.run(for: .seconds(10))
        var fleet = FleetSpec.small
        fleet.registry = "new:5000"
        #expect(w.answer { .apply($0, fleet) } == .done)
        let jobs: [(image: String, registry: String?)] = [
            ("kept:1", "new:5000"), ("left:1", "old:5000"), ("old:5000/full:1", nil),
        ]
        for (image, registry) in jobs {
            var request = JobRequest(kind: .custom, image: image, input: "1")
            request.imageDigest = "sha256:a"
            request.imageRegistry = registry
            w.expectEnd(w.submit(request), .succeeded, within: 120)
        }
        let images = w.hosts.values.reduce(into: Set<String>()) { $0.formUnion($1.images) }
        let expected: Set = [
            "new:5000/kept:1@sha256:a", "new:5000/left:1", "old:5000/full:1@sha256:a",
        ]
        #expect(expected.isSubset(of: images))
        #expect(images.count { $0.contains("left:1") } == 1)
        w.expectSound()
    }

    @Test func `a name that has a digest keeps it`() {
        let w = World(.small)
        w.run(for: .seconds(10))
        let target = AssignmentRequest.Target.image("desk@sha256:a", digest: "sha256:b")
        #expect(w.assign("agx-04", target, .manual) == .done)
        w.expect(within: 30) {
            w.host("agx-04").containers.map(\.image) == ["desk@sha256:a"]
        }
        #expect(w.assign("agx-05", .image("desk", digest: "sha256:b"), .manual) == .done)
        w.expect(within: 30) {
            w.host("agx-05").containers.map(\.image) == ["desk@sha256:b"]
        }
        w.expectSound()
    }
}
