import Foundation
import NIOCore
import ObjectStore
import Testing

@testable import ControlPlane

@Suite("The doctor and the object store")
struct ObjectDoctorTests {
    /// A store in a folder that is gone after the body.
    private func withStore(_ body: (FolderStore) async throws -> Void) async throws {
        let root = NSTemporaryDirectory() + "jessica-doctor-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        let store = FolderStore(
            root: root, baseURL: "https://localhost/objects",
            signer: try URLSigner(secret: [UInt8](repeating: 7, count: 32)))
        try await store.prepare()
        try await body(store)
    }

    @Test("One that keeps what it is given is fine, and nothing is left there")
    func good() async throws {
        try await withStore { store in
            let finding = await ObjectFindings.look(store, place: "the store")
            #expect(finding == .ok("objects", "the store keeps what it is given"))
            let left = try await store.list(prefix: "", next: nil, limit: 10)
            #expect(left.objects.isEmpty)
        }
    }

    @Test(
        "Keys that may not do all that is needed are told of",
        arguments: [BrokenObjects.Call.put, .get, .delete])
    func denied(call: BrokenObjects.Call) async throws {
        try await withStore { store in
            let broken = BrokenObjects(
                store, failing: (call, ObjectStoreError(.accessDenied, "They may not.")))
            let finding = await ObjectFindings.look(broken, place: "the store")
            #expect(finding.status == .failed)
            #expect(finding.message == "the store refuses the keys: They may not.")
        }
    }

    @Test("A bucket that is gone is told of")
    func gone() async throws {
        try await withStore { store in
            let broken = BrokenObjects(
                store, failing: (.put, ObjectStoreError(.notFound, "No such bucket.")))
            let finding = await ObjectFindings.look(broken, place: "the store")
            #expect(finding.status == .failed)
            #expect(finding.message.contains("No such bucket."))
            #expect(finding.action?.contains("bucket gone") == true)
        }
    }

    @Test(
        "One that gives back something else is told of",
        arguments: ["", "something else", String(repeating: "x", count: 10_000)])
    func damaged(content: String) async throws {
        try await withStore { store in
            let broken = BrokenObjects(store, keeps: ByteBuffer(string: content))
            let finding = await ObjectFindings.look(broken, place: "the store")
            #expect(finding.status == .failed)
            #expect(finding.message == "the store does not give back what was stored there")
        }
    }

    @Test(
        "Another doctor may have removed it meanwhile, but not each time",
        arguments: [(1, Finding.Status.ok), (100, .failed)])
    func forgetful(times: Int, status: Finding.Status) async throws {
        try await withStore { store in
            let broken = BrokenObjects(
                store, failing: (.get, ObjectStoreError(.notFound, "No such object.")),
                times: times)
            let finding = await ObjectFindings.look(broken, place: "the store")
            #expect(finding.status == status)
        }
    }
}
