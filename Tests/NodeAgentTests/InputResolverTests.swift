import AsyncHTTPClient
import Crypto
import FleetCore
import Foundation
import Logging
import NIOCore
import Synchronization
import Testing
import WorkerContracts

@testable import NodeAgent

extension InputResolver {
    /// For work whose input refers to nothing.
    static var none: InputResolver {
        InputResolver(
            http: { .shared },
            find: { _, _, _ in throw Failure(.inputMissing, "nothing is there") },
            logger: quiet)
    }
}

@Suite("What stands in an input")
struct InputResolverTests {
    private let key = AttemptKey(job: "j1", number: 1)

    private func order(_ input: String) -> AttemptOrder {
        AttemptOrder(key: key, place: .worker("w"), input: input, kind: .image)
    }

    /// Runs a body with a resolver whose references mean files of a server.
    private func with(
        _ files: [String: [(name: String, type: String, bytes: [UInt8])]], lists: Set<String> = [],
        _ body: (InputResolver, String) async throws -> Void
    ) async throws {
        try await StoreServer.with { server, address in
            var found: [String: [InputGrant.File]] = [:]
            for (text, items) in files {
                for item in items {
                    let path = "/\(text)/\(item.name)"
                    server.hold(path, item.bytes)
                    found[text, default: []].append(
                        InputGrant.File(
                            name: item.name, contentType: item.type, size: UInt64(item.bytes.count),
                            url: address + path))
                }
            }
            let all = found
            let resolver = InputResolver(
                http: { .shared },
                find: { _, text, _ in
                    guard let files = all[text] else { throw Failure(.inputMissing, "no \(text)") }
                    return (files, lists.contains(text))
                }, logger: quiet)
            try await body(resolver, address)
        }
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test("An input without references is handed on byte for byte")
    func plain() async throws {
        let input = #"{"a":1.0,  "price":"$5", "b":[{"c":"$from"}]}"#
        let whole = try await InputResolver.none.resolve(order(input))
        #expect(text(whole) == input)
    }

    @Test("Text stands as text, JSON as a value, in the midst of what else there is")
    func values() async throws {
        try await with([
            "poem.text": [("text.txt", "text/plain; charset=utf-8", Array(#"a "b" \n"#.utf8))],
            "data": [("data.json", "application/json", Array(#"{"x": [1, 2.50]}"#.utf8))],
            "broken": [("x.json", "application/json", Array("{no".utf8))],
        ]) { resolver, _ in
            let input =
                #"{ "p" : {"$from":"poem.text"}, "n":1e3, "d":[{"$from": "data"}], "b":{"$upload":"broken"} }"#
            let whole = text(try await resolver.resolve(order(input)))
            #expect(
                whole
                    == #"{ "p" : "a \"b\" \\n", "n":1e3, "d":[{"x": [1, 2.50]}], "b":"{no" }"#)
        }
    }

    @Test("A worker gets other files as data, large ones as their URL")
    func data() async throws {
        let small = (0..<100).map { UInt8($0) }
        let large = [UInt8](repeating: 7, count: (8 << 20) + 1)
        try await with([
            "small": [("a.png", "image/png", small)], "large": [("b.mp4", "video/mp4", large)],
        ]) { resolver, address in
            let whole = text(
                try await resolver.resolve(
                    order(#"{"s":{"$from":"small"},"l":{"$from":"large"}}"#)))
            let base64 = Data(small).base64EncodedString()
            #expect(
                whole
                    == #"{"s":"data:image/png;base64,\#(base64)","l":"\#(address)/large/b.mp4"}"#)
        }
    }

    @Test("A large file that a worker could not have is had from us, as long as its attempt lasts")
    func relayed() async throws {
        let large = [UInt8](repeating: 7, count: (8 << 20) + 1)
        let item = ("a+film.mp4", "video/mp4", large)
        try await withFolder { folder in
            try await with(["films": [item, item]], lists: ["films"]) { resolver, _ in
                let folders = AttemptFolders(root: folder)
                let secret = SymmetricKey(size: .bits256)
                func relay() -> InputRelay {
                    InputRelay(
                        folders: folders, secret: secret, tokens: WebhookTokens(),
                        address: Latest("http://10.0.0.1:1/w/"), prefix: "http://")
                }
                let first = relay()
                var resolver = resolver
                resolver.relay = first
                let input = text(
                    try await resolver.resolve(order(#"{"x":{"$from":"films"}}"#)))
                let token = String(try #require(input.split(separator: "/").dropFirst(3).first))
                let base = "http://10.0.0.1:1/w/\(token)"
                #expect(input == #"{"x":["\#(base)/a_film.mp4","\#(base)/2-a_film.mp4"]}"#)
                func bytes(_ name: String, from relay: InputRelay) async throws -> [UInt8]? {
                    let wanted = WorkerDownload(token: token, fileName: name)
                    guard let file = await relay.file(wanted) else { return nil }
                    var all: [UInt8] = []
                    try await file.read { all += $0.readableBytesView }
                    return all
                }
                #expect(try await bytes("a_film.mp4", from: first) == large)
                #expect(try await bytes("2-a_film.mp4", from: first) == large)
                #expect(try await bytes("other.mp4", from: first) == nil)
                // The agent's next life.
                let second = relay()
                second.admit(key)
                #expect(try await bytes("a_film.mp4", from: second) == large)
                // Who is just reading gets no more of it.
                let found = await second.file(
                    WorkerDownload(token: token, fileName: "a_film.mp4"))
                let reading = try #require(found)
                _ = await #expect(throws: CancellationError.self) {
                    try await reading.read { _ in second.forget(key) }
                }
                #expect(try await bytes("a_film.mp4", from: second) == nil)
            }
        }
    }

    private func relay(_ folder: String, _ address: String? = "http://10.0.0.1:1/w/") -> InputRelay
    {
        InputRelay(
            folders: AttemptFolders(root: folder), secret: SymmetricKey(size: .bits256),
            tokens: WebhookTokens(), address: Latest(address), prefix: "http://")
    }

    private func isEmpty(_ folder: String) throws -> Bool {
        try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty
    }

    /// Finds one film of so many bytes, whatever is asked for.
    private func resolver(
        of bytes: UInt64, at url: String, _ relay: InputRelay
    ) -> InputResolver {
        let file = InputGrant.File(name: "a", contentType: "video/mp4", size: bytes, url: url)
        return InputResolver(
            http: { .shared }, find: { _, _, _ in ([file], false) }, logger: quiet, relay: relay)
    }

    @Test("A node keeps no more large files for a worker than outputs")
    func tooLargeToRelay() async throws {
        try await withFolder { folder in
            let resolver = resolver(of: (16 << 30) + 1, at: "http://nobody/a", relay(folder))
            await expect(.invalidInput) {
                try await resolver.resolve(order(#"{"a":{"$from":"x"}}"#))
            }
            let nothing = try isEmpty(folder)
            #expect(nothing)
        }
    }

    @Test("A worker is given no address that it cannot have a file from")
    func nobodyListens() async throws {
        let large = [UInt8](repeating: 7, count: (8 << 20) + 1)
        try await withFolder { folder in
            try await with(["film": [("a.mp4", "video/mp4", large)]]) { resolver, _ in
                var resolver = resolver
                resolver.relay = relay(folder, nil)
                let deaf = resolver
                await expect(.inputUnavailable) {
                    try await deaf.resolve(order(#"{"a":{"$from":"film"}}"#))
                }
                let nothing = try isEmpty(folder)
                #expect(nothing)
            }
        }
    }

    @Test("An input of work that was stopped is none, however near it was")
    func stopped() async throws {
        let input = await InputResolver.none.resolve(order("{}"), unless: Latest(true))
        #expect(input == nil)
    }

    @Test("A large file that cannot be fetched for a worker leaves nothing")
    func notRelayed() async throws {
        try await withFolder { folder in
            try await StoreServer.with { server, address in
                server.hold("/a", [1, 2, 3])
                let resolver = resolver(of: 9 << 20, at: address + "/a", relay(folder))
                await expect(.inputUnavailable) {
                    try await resolver.resolve(order(#"{"a":{"$from":"x"}}"#))
                }
                let nothing = try isEmpty(folder)
                #expect(nothing)
            }
        }
    }

    @Test("All files of an input together are bounded")
    func budget() async throws {
        let bytes = [UInt8](repeating: 1, count: 7 << 20)
        let items = (0..<6).map { ("\($0).png", "image/png", bytes) }
        try await with(["all": items], lists: ["all"]) { resolver, _ in
            let whole = text(try await resolver.resolve(order(#"{"x":{"$from":"all"}}"#)))
            #expect(whole.components(separatedBy: "data:image/png").count - 1 == 4)
            #expect(whole.components(separatedBy: "http://").count - 1 == 2)
        }
    }

    @Test("A container gets paths, and no two files the same")
    func paths() async throws {
        let files = [
            ("a.png", "image/png", [UInt8](1...3)), ("a.png", "image/png", [UInt8](1...3)),
        ]
        try await with(["all": files], lists: ["all"]) { resolver, _ in
            let placed = Mutex<[String]>([])
            let whole = text(
                try await resolver.resolve(order(#"{"x":{"$from":"all"}}"#)) { path, bytes in
                    #expect(Array(bytes.readableBytesView) == [1, 2, 3])
                    placed.withLock { $0.append(path) }
                })
            #expect(whole == #"{"x":["/job/inputs/a.png","/job/inputs/2-a.png"]}"#)
            #expect(placed.withLock { $0 } == ["/job/inputs/a.png", "/job/inputs/2-a.png"])
        }
    }

    @Test("A list of one is a list, and of none an empty one")
    func lists() async throws {
        try await with(
            ["one": [("t.txt", "text/plain", [65])], "none": []], lists: ["one", "none"]
        ) { resolver, _ in
            let whole = text(
                try await resolver.resolve(
                    order(
                        #"{"a":{"$from":"one"},"b":{"$from":"nobody"}}"#.replacing(
                            "nobody", with: "one"))))
            #expect(whole == #"{"a":["A"],"b":["A"]}"#)
        }
    }

    @Test("What is missing, too much or not what it was said to be fails with its reason")
    func failures() async throws {
        let one: (String, String, [UInt8]) = ("t.txt", "text/plain", [65])
        try await with(["two": [one, one]]) { resolver, address in
            await expect(.inputMissing) {
                try await resolver.resolve(order(#"{"a":{"$from":"gone"}}"#))
            }
            await expect(.inputMissing) {
                try await resolver.resolve(order(#"{"a":{"$from":"two"}}"#))
            }
            await expect(.invalidInput) {
                try await resolver.resolve(order(#"{"a":{"$from":"two"}"#))
            }
            for (path, size, code) in [
                ("/nowhere", 1, FailureCode.inputMissing), ("/two/t.txt", 2, .inputUnavailable),
            ] {
                let file = InputGrant.File(
                    name: "f", contentType: "text/plain", size: UInt64(size), url: address + path)
                let other = InputResolver(
                    http: { .shared }, find: { _, _, _ in ([file], false) }, logger: quiet)
                await expect(code) { try await other.resolve(order(#"{"a":{"$from":"x"}}"#)) }
            }
        }
    }

    @Test("An input that lies in the object store is read whole, its references too")
    func stored() async throws {
        let input = #"{"p":{"$from":"poem"},"q":"it is long"}"#
        try await with([
            "input": [("input.json", "application/json", Array(input.utf8))],
            "poem": [("text.txt", "text/plain", Array("lines".utf8))],
        ]) { resolver, _ in
            var order = order(#"{"q":"it is…"}"#)
            let digest = SHA256.hash(data: Array(input.utf8)).hexadecimal
            order.stored = StoredInput(size: input.utf8.count, digest: digest)
            let whole = text(try await resolver.resolve(order))
            #expect(whole == #"{"p":"lines","q":"it is long"}"#)
            // What lies there must be what was given.
            let asked = order
            for wrong in [
                StoredInput(size: input.utf8.count - 1, digest: digest),
                StoredInput(size: input.utf8.count, digest: String(digest.reversed())),
            ] {
                await expect(.inputMissing) {
                    var order = asked
                    order.stored = wrong
                    return try await resolver.resolve(order)
                }
            }
        }
    }

    private func expect(_ code: FailureCode, _ body: () async throws -> [UInt8]) async {
        do {
            let whole = try await body()
            Issue.record("it came to \(text(whole))")
        } catch let failure as Failure {
            #expect(failure.code == code, "\(failure.message)")
        } catch {
            Issue.record("\(error)")
        }
    }
}
