import FleetCore
import Testing

@testable import NodeAgent

@Suite struct ImageSourcesTests {
    @Test(arguments: [
        ("alpine", "docker.io"), ("alpine:3", "docker.io"), ("library/alpine", "docker.io"),
        ("jessica/sdxl:latest", "docker.io"), ("spark:5000/sdxl", "spark:5000"),
        ("ghcr.io/a/b@sha256:00", "ghcr.io"), ("localhost/x", "localhost"),
        ("sha256:0011", "sha256"), ("", "docker.io"), ("/", "docker.io"),
        ("spark:5000", "docker.io"), ("SPARK/x", "SPARK"), ("sPark/a/b:1", "sPark"),
        ("evil.example/\u{301}x", "evil.example"),
    ])
    func `an image is of the registry that Docker would ask`(image: String, registry: String) {
        #expect(ImageSources.registry(of: image) == registry)
    }

    @Test func `with no registry named every image is taken, else only theirs`() {
        #expect(ImageSources(registries: []).refusal(of: "evil.example/x") == nil)
        let sources = ImageSources(registries: ["spark:5000"])
        #expect(sources.refusal(of: "spark:5000/a/b:1") == nil)
        #expect(ImageSources(registries: ["docker.io"]).refusal(of: "SPARK/x") != nil)
        for image in ["alpine", "evil.example/spark:5000/a", "spark:5001/a", "sha256:0011"] {
            let refusal = sources.refusal(of: image)
            #expect(refusal?.code == .imageNotAllowed, "\(image)")
            #expect(refusal?.code.isRetryable == false)
        }
    }
}
