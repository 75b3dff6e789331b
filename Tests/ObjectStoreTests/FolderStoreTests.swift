import Foundation
import NIOCore
import Testing

@testable import ObjectStore

@Suite(.timeLimit(.minutes(2)))
struct FolderStoreTests {
    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    private func files(below path: String) -> [String] {
        (FileManager.default.enumerator(atPath: path)?.allObjects as? [String] ?? []).filter {
            let attributes = try? FileManager.default.attributesOfItem(atPath: path + "/" + $0)
            return attributes?[.type] as? FileAttributeType == .typeRegular
        }
    }

    @Test func `symbolic links are never followed`() async throws {
        try await withFolderStore { store, _, root in
            try await withFolder { outside in
                try "secret".write(toFile: outside + "/file", atomically: true, encoding: .utf8)
                let links = root + "/objects"
                try FileManager.default.createSymbolicLink(
                    atPath: links + "/folder", withDestinationPath: outside)
                try FileManager.default.createSymbolicLink(
                    atPath: links + "/link", withDestinationPath: outside + "/file")
                for name in ["folder/file", "link"] {
                    let read = await code { _ = try await store.get(key(name), range: nil) }
                    #expect(read == .io, "\(name)")
                    #expect(await code { _ = try await store.head(key(name)) } == .io)
                }
                let body = ObjectBody.bytes(ByteBuffer(string: "x"))
                let below = await code {
                    try await store.put(key("folder/new"), body, contentType: "a/b")
                }
                #expect(below == .io && !exists(outside + "/new"))
                _ = await code { try await store.delete(key("folder/file")) }
                // Putting over a link replaces the link, not what it points to.
                try await store.put(key("link"), body, contentType: "a/b")
                #expect(try String(contentsOfFile: outside + "/file", encoding: .utf8) == "secret")
                let listed = try await store.list(prefix: "", next: nil, limit: 10).objects
                #expect(listed.map(\.key.text) == ["link"])
            }
        }
    }

    @Test func `things that are not files are not read`() async throws {
        try await withFolderStore { store, _, root in
            try runScript("mkfifo '\(root)/objects/pipe'")
            #expect(await code { _ = try await store.get(key("pipe"), range: nil) } == .io)
            try await store.put(key("a/b"), .bytes(ByteBuffer()), contentType: "a/b")
            #expect(await code { _ = try await store.get(key("a"), range: nil) } == .notFound)
            #expect(await code { _ = try await store.get(key("a/b/c"), range: nil) } == .notFound)
            try await store.delete(key("a"))
            #expect(try await store.head(key("a/b")).size == 0)
        }
    }

    @Test func `a key in the way is a conflict`() async throws {
        try await withFolderStore { store, _, root in
            let body = ObjectBody.bytes(ByteBuffer(string: "x"))
            try await store.put(key("a/b"), body, contentType: "a/b")
            #expect(
                await code { try await store.put(key("a"), body, contentType: "a/b") } == .conflict)
            #expect(
                await code { try await store.put(key("a/b/c"), body, contentType: "a/b") }
                    == .conflict)
            #expect(files(below: root + "/incoming").isEmpty)
            #expect(try await store.head(key("a/b")).size == 1)
        }
    }

    @Test func `deleting leaves no empty folders, and puts beside it still arrive`() async throws {
        try await withFolderStore { store, _, root in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<200 {
                    group.addTask {
                        let name = try key("a/b/\(index)")
                        try await store.put(
                            name, .bytes(ByteBuffer(string: "x")), contentType: "a/b")
                        try await store.delete(name)
                    }
                }
                try await group.waitForAll()
            }
            #expect(!exists(root + "/objects/a") && !exists(root + "/types/a"))
            #expect(files(below: root).isEmpty)
        }
    }

    @Test func `a full disk is told, and nothing is left behind`() async throws {
        guard getuid() == 0 else { return }
        try await withFolder { mount in
            try runScript("mount -t tmpfs -o size=1m none '\(mount)'")
            defer { try? runScript("umount '\(mount)'") }
            let signer = try URLSigner(secret: Array(repeating: 7, count: 32))
            let store = FolderStore(root: mount + "/s", baseURL: "http://x", signer: signer)
            try await store.prepare()
            try await store.put(
                key("small"), .bytes(ByteBuffer(repeating: 1, count: 1000)), contentType: "a/b")
            let big = ObjectBody.bytes(ByteBuffer(repeating: 1, count: 2 << 20))
            #expect(
                await code { try await store.put(key("big"), big, contentType: "a/b") } == .noSpace)
            #expect(files(below: mount + "/s/incoming").isEmpty)
            #expect(await code { _ = try await store.head(key("big")) } == .notFound)
            try await store.put(
                key("small-2"), .bytes(ByteBuffer(repeating: 1, count: 100_000)), contentType: "a/b"
            )
            #expect(try await store.head(key("small")).size == 1000)
        }
    }

    @Test func `a restart throws away what was half written`() async throws {
        try await withFolderStore { store, _, root in
            try await store.put(
                key("keep"), .bytes(ByteBuffer(string: "x")), contentType: "text/x-own")
            try "half".write(toFile: root + "/incoming/abc", atomically: true, encoding: .utf8)
            try await store.prepare()
            #expect(files(below: root + "/incoming").isEmpty)
            #expect(try await store.head(key("keep")).contentType == "text/x-own")
            try FileManager.default.removeItem(atPath: root + "/types/keep")
            #expect(try await store.head(key("keep")).contentType == ContentTypeByName.unknown)
        }
    }

    @Test func `objects over the limit are refused`() async throws {
        try await withFolder { path in
            var limits = FolderStore.Limits()
            limits.objectBytesMax = 10
            let signer = try URLSigner(secret: Array(repeating: 7, count: 32))
            let store = FolderStore(root: path, baseURL: "http://x", signer: signer, limits: limits)
            try await store.prepare()
            let body = ObjectBody.bytes(ByteBuffer(repeating: 1, count: 11))
            #expect(
                await code { try await store.put(key("a"), body, contentType: "a/b") } == .tooLarge)
            #expect(store.putBytesMax == 10)
        }
    }

    @Test func `a cancelled upload leaves nothing`() async throws {
        try await withFolderStore { store, _, root in
            let (stream, continuation) = AsyncThrowingStream.makeStream(of: ByteBuffer.self)
            continuation.yield(ByteBuffer(string: "abc"))
            let upload = Task {
                try await store.put(key("a"), .stream(stream, length: 10), contentType: "a/b")
            }
            while files(below: root + "/incoming").isEmpty {
                try await Task.sleep(for: .milliseconds(5))
            }
            upload.cancel()
            let result = await upload.result
            #expect(throws: ObjectStoreError.self) { try result.get() }
            #expect(files(below: root).isEmpty)
        }
    }

    @Test func `signed URLs lead to the base`() async throws {
        try await withFolderStore { store, signer, _ in
            let name = try key("outputs/audio/j/1/x.wav")
            let put = try await store.presignPut(
                name, contentType: "audio/wav", maxBytes: 5, expiresSeconds: 60)
            #expect(put.url.hasPrefix("https://spark/objects/outputs/audio/j/1/x.wav?m=PUT&"))
            let query = try #require(put.url.split(separator: "?").last)
            let grant = try signer.verify(method: "PUT", key: name, query: String(query))
            #expect(grant == SignedGrant(key: name, maxBytes: 5, contentType: "audio/wav"))
        }
    }
}
