import FleetCore
import HTTPTypes
import Hummingbird
import Testing

@testable import ControlPlane

@Suite("What a registry says an image is", .serialized)
struct ImageRegistryTests {
    private static let digest = "sha256:" + String(repeating: "0a", count: 32)

    @Test("It is asked with HEAD for what its tag names", arguments: ["127.0.0.1", "localhost"])
    func found(host: String) async throws {
        try await RegistryStub.serve { stub, registry in
            stub.tells(Self.digest)
            let place = "\(host):\(stub.port)"
            for (image, path) in [
                ("jessica/sdxl:2", "/v2/jessica/sdxl/manifests/2"),
                ("tool", "/v2/tool/manifests/latest"),
            ] {
                let answer = await registry.look(for: ImageName("\(place)/\(image)"))
                #expect(answer == .digest(Self.digest))
                #expect(stub.questions.last?.path == path)
            }
            let kinds = stub.questions.last?.accept ?? ""
            for kind in [
                "oci.image.index.v1", "oci.image.manifest.v1", "manifest.list.v2", "manifest.v2",
            ] {
                #expect(kinds.contains("\(kind)+json"), "\(kinds)")
            }
        }
    }

    @Test("Elsewhere it may speak no TLS")
    func withoutTLS() async throws {
        try await RegistryStub.serve { stub, registry in
            stub.tells(Self.digest)
            let image = ImageName("registry.test:\(stub.port)/tool:1")
            #expect(await registry.look(for: image) == .digest(Self.digest))
            #expect(stub.questions.count == 1)
        }
    }

    @Test(
        "What is no digest is none",
        arguments: [
            "", "sha256:", "sha256:00", "sha512:" + String(repeating: "0", count: 128),
            "SHA256:" + String(repeating: "0", count: 64),
            "sha256:" + String(repeating: "0A", count: 32),
            "sha256:" + String(repeating: "0g", count: 32),
            "sha256:" + String(repeating: "0", count: 65), "latest",
        ])
    func wrongDigest(digest: String) async throws {
        try await RegistryStub.serve { stub, registry in
            stub.tells(digest)
            let image = ImageName("127.0.0.1:\(stub.port)/tool:1")
            #expect(await registry.look(for: image) == .unknown("it tells no digest"))
        }
    }

    @Test("Redirects are not followed, and what is missing or forbidden has no digest")
    func refused() async throws {
        try await RegistryStub.serve { stub, registry in
            let image = ImageName("127.0.0.1:\(stub.port)/tool:1")
            for status in [
                HTTPResponse.Status.notFound, .unauthorized, .internalServerError,
                .temporaryRedirect,
            ] {
                let port = stub.port
                stub.answers { _ in
                    Response(
                        status: status, headers: [.location: "http://127.0.0.1:\(port)/other"])
                }
                #expect(await registry.look(for: image) == .unknown("it answers \(status.code)"))
            }
            #expect(stub.questions.count == 4)
        }
    }

    @Test("One that cannot be reached is away")
    func away() async throws {
        try await RegistryStub.serve { _, registry in
            // Nobody listens at port 1.
            for host in ["127.0.0.1", "registry.test"] {
                guard case .away = await registry.look(for: ImageName("\(host):1/tool")) else {
                    Issue.record("\(host) is not away")
                    return
                }
            }
        }
    }

    @Test func loopback() {
        for registry in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.9.0.1", "[::1]:5"] {
            #expect(ImageRegistry.isLoopback(registry), "\(registry)")
        }
        for registry in ["spark:5000", "128.0.0.1:1", "localhost.lan", "[fd00::1]:5", "[", ""] {
            #expect(!ImageRegistry.isLoopback(registry), "\(registry)")
        }
    }
}
