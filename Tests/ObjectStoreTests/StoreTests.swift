import AsyncHTTPClient
import Foundation
import NIOCore
import Testing

@testable import ObjectStore

/// What both stores promise, asked of each.
@Suite(.timeLimit(.minutes(3)))
struct StoreTests {
    enum Which: CaseIterable, Sendable { case folder, s3 }

    private func with(_ which: Which, _ body: (any ObjectStore) async throws -> Void) async throws {
        switch which {
        case .folder: try await withFolderStore { store, _, _ in try await body(store) }
        case .s3: try await withS3 { store, _, _ in try await body(store) }
        }
    }

    private func text(_ object: StoredObject) async throws -> String {
        String(buffer: try await object.body.collect(limit: 100 << 20))
    }

    @Test(arguments: Which.allCases)
    func `an object comes back as it was put`(_ which: Which) async throws {
        try await with(which) { store in
            let name = try ObjectLayout.output(kind: "image", job: "j1", attempt: 1, name: "a.png")
            try await store.put(
                name, .bytes(ByteBuffer(string: "0123456789")), contentType: "image/png")
            let object = try await store.get(name, range: nil)
            #expect(try await text(object) == "0123456789")
            #expect(object.info.size == 10 && object.range == 0..<10)
            #expect(object.info.contentType == "image/png")
            let head = try await store.head(name)
            #expect(head.size == 10 && head.contentType == "image/png" && !head.etag.isEmpty)
            let middle = try await store.get(name, range: .from(2, through: 4))
            #expect(try await text(middle) == "234")
            #expect(middle.info.size == 10 && middle.range == 2..<5)
            #expect(try await text(try await store.get(name, range: .suffix(3))) == "789")
            #expect(
                try await text(try await store.get(name, range: .from(8, through: nil))) == "89")
            #expect(
                try await text(try await store.get(name, range: .from(8, through: 999))) == "89")
            let past = await code { _ = try await store.get(name, range: .from(10, through: nil)) }
            #expect(past == .invalidRequest)
            for bad in [ByteRange.from(-1, through: nil), .from(3, through: 2), .suffix(0)] {
                #expect(await code { _ = try await store.get(name, range: bad) } == .invalidRequest)
            }
            try await store.put(name, .bytes(ByteBuffer()), contentType: "text/plain")
            #expect(try await store.head(name).size == 0)
            try await store.delete(name)
            try await store.delete(name)
            #expect(await code { _ = try await store.head(name) } == .notFound)
            #expect(await code { _ = try await store.get(name, range: nil) } == .notFound)
        }
    }

    @Test(arguments: Which.allCases)
    func `a stream is stored whole or not at all`(_ which: Which) async throws {
        try await with(which) { store in
            let name = try key("temp/stream")
            let pieces = (0..<40).map { ByteBuffer(repeating: UInt8($0), count: 100_000) }
            let good = Pieces(pieces: pieces)
            try await store.put(name, .stream(good, length: 4_000_000), contentType: "a/b")
            let back = try await store.get(name, range: nil).body.collect(limit: 4_000_000)
            #expect(back.readableBytes == 4_000_000 && back.getInteger(at: 3_999_999) == UInt8(39))
            for (bad, length) in [
                (good, 4_000_001), (good, 3_999_999),
                (Pieces(pieces: pieces, breaks: true), 4_000_001),
            ] {
                let other = try key("temp/broken")
                let failed = await code {
                    try await store.put(other, .stream(bad, length: length), contentType: "a/b")
                }
                #expect(failed != nil)
                #expect(await code { _ = try await store.head(other) } == .notFound)
            }
            #expect(
                await code { _ = try await store.get(name, range: nil).body.collect(limit: 100) }
                    == .tooLarge)
        }
    }

    @Test(arguments: Which.allCases)
    func `pages follow the order of the keys`(_ which: Which) async throws {
        try await with(which) { store in
            #expect(try await store.list(prefix: "", next: nil, limit: 10).objects.isEmpty)
            let names = [
                "a/b", "a-c", "a0", "a/b1/x", "logs/j/1.log", "outputs/images/j/1/p.png", "z",
            ]
            for name in names {
                try await store.put(
                    try key(name), .bytes(ByteBuffer(string: name)), contentType: "text/plain")
            }
            var seen: [String] = []
            var next: String?
            repeat {
                let page = try await store.list(prefix: "", next: next, limit: 2)
                #expect(page.objects.count <= 2)
                seen += page.objects.map(\.key.text)
                #expect(page.objects.allSatisfy { $0.size == $0.key.text.utf8.count })
                next = page.next
            } while next != nil && seen.count < 50
            let expected = try names.map { try key($0) }.sorted().map(\.text)
            #expect(which == .folder ? seen == expected : seen.sorted() == expected.sorted())
            let below = try await store.list(prefix: "outputs/", next: nil, limit: 10)
            #expect(below.objects.map(\.key.text) == ["outputs/images/j/1/p.png"])
            // In whichever zone its server thinks that it is.
            let modified = try #require(below.objects.first?.modified)
            #expect(abs(modified - WallClock.system.now()) < 86_400)
            #expect(try await store.list(prefix: "a/b", next: nil, limit: 10).objects.count == 2)
            #expect(try await store.list(prefix: "nothing", next: nil, limit: 10).objects.isEmpty)
            #expect(
                await code { _ = try await store.list(prefix: "", next: nil, limit: 0) }
                    == .invalidRequest)
            #expect(
                await code { _ = try await store.list(prefix: "../x", next: nil, limit: 1) }
                    == .invalidKey)
        }
    }

    @Test(arguments: Which.allCases)
    func `what is out of bounds is refused`(_ which: Which) async throws {
        try await with(which) { store in
            let name = try key("x")
            for seconds in [0, -1, 7 * 24 * 3600 + 1, Int.max] {
                let refused = await code {
                    _ = try await store.presignGet(name, expiresSeconds: seconds)
                }
                #expect(refused == .invalidRequest)
            }
            let split = await code {
                try await store.put(name, .bytes(ByteBuffer()), contentType: "a/b\r\nx-evil: 1")
            }
            #expect(split == .invalidRequest)
            let negative = await code {
                _ = try await store.presignPut(
                    name, contentType: "a/b", maxBytes: -1, expiresSeconds: 60)
            }
            #expect(negative == .invalidRequest)
        }
    }
}
