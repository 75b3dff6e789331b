import ControlPlane
import FleetCore
import FleetLink
import Foundation
import Testing

@Suite("Identity")
struct IdentityTests {
    private func directory() -> String {
        NSTemporaryDirectory() + "jessica-identity-\(UInt32.random(in: .min ... .max))"
    }

    @Test("What the authority issues is accepted by the link, and its key is private")
    func authority() throws {
        let path = directory()
        let authority = try Authority(directory: path)
        let server = try authority.server(hosts: ["localhost", "127.0.0.1", "::1", "spark"])
        let node = try authority.node("agx-01")
        _ = try TLSContext(
            role: .server, caBundle: authority.trust, certificateChain: server.certificate,
            privateKey: server.key)
        _ = try TLSContext(
            role: .client, caBundle: authority.trust, certificateChain: node.certificate,
            privateKey: node.key)
        let attributes = try FileManager.default.attributesOfItem(atPath: path + "/ca.key")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try Authority(directory: path).trust == authority.trust)
    }

    @Test("Ids rise strictly, also within a millisecond, and have their form")
    func ids() {
        let mint = JobIDMint()
        let now = Instant(nanoseconds: 1_700_000_000_000_000_000)
        let ids = (0..<1_000).map { _ in mint.mint(at: now) } + [mint.mint(at: now + .seconds(1))]
        #expect(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 })
        #expect(ids.allSatisfy { $0.rawValue.utf8.count == 26 })
    }

    @Test(
        "Sentences are understood",
        arguments: [
            ("Generate an image of a sunset", JobKind.image), ("Say hello to Ada", .voice),
            ("compose a calm song", .audio), ("make a video of waves", .video),
            ("Do you see a face?", .vision), ("How do you feel today?", .personality),
            ("What is 12 * 7?", .text), ("Say that the picture is nice", .voice),
            ("draw a cat", .image),
        ])
    func understanding(text: String, kind: JobKind) {
        #expect(Interpreter.understand(text)?.kind == kind)
    }

    @Test("The words to be said are said without the order to say them")
    func spoken() {
        #expect(
            Interpreter.understand("Say hello to Ada")?.input["prompt"] == .string("hello to Ada"))
    }
}
