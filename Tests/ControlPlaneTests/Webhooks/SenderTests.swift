import Foundation
import Hummingbird
import NIOCore
import Synchronization
import Testing

@testable import ControlPlane

@Suite("One delivery to a webhook")
struct SenderTests {
    private static func sender(
        _ url: String, allow: [String] = ["127.0.0.0/8"], only: [String] = [],
        resolve: WebhookSender.Resolver? = nil
    ) throws -> WebhookSender {
        var sender = WebhookSender(
            target: try WebhookTarget(url), secret: WebhookSecret(),
            rules: try WebhookRules(allow: allow, only: try WebhookHosts(only)), trust: nil)
        if let resolve { sender.resolve = resolve }
        return sender
    }

    private static func delivery() throws -> WebhookDelivery {
        try WebhookDelivery(id: "msg_1", type: "t", timestamp: "now", data: ["a": "b"])
    }

    private static func why(_ outcome: WebhookOutcome) -> String {
        if case .failed(let why) = outcome { why } else { "\(outcome)" }
    }

    @Test("It connects to the address that was checked, whatever the name stands for by then")
    func rebinding() async throws {
        try await Receiver.serve { receiver in
            // No resolver of this machine knows the name: that it arrives shows that none was asked again.
            let answers = Mutex(["127.0.0.1", "10.0.0.1"])
            let asked = Mutex<[String]>([])
            var sender = try Self.sender("http://rebind.invalid:\(receiver.port)/x") { host in
                asked.withLock { $0.append(host) }
                return [answers.withLock { $0.removeFirst() }].compactMap { IPAddress($0) }
            }
            let first = await sender.send(try Self.delivery())
            let second = await sender.send(try Self.delivery())
            #expect(first == .delivered(200) && second == .delivered(200))
            #expect(asked.withLock { $0 } == ["rebind.invalid"])
            await sender.close()
            let third = await sender.send(try Self.delivery())
            #expect(Self.why(third).contains("10.0.0.1, a private address"))
            #expect(asked.withLock { $0.count } == 2)
            var tries = receiver.tries.makeAsyncIterator()
            for _ in 0..<2 {
                let one = await tries.next()
                #expect(one?.host == "rebind.invalid:\(receiver.port)")
            }
        }
    }

    @Test(
        "A name of this machine is found and refused",
        arguments: ["localhost", "127.0.0.1", "[::1]"])
    func loopback(host: String) async throws {
        try await Receiver.serve { receiver in
            var sender = try Self.sender("https://\(host):\(receiver.port)/", allow: [])
            let outcome = await sender.send(try Self.delivery())
            #expect(Self.why(outcome).contains("a loopback address"))
        }
    }

    @Test("A host that is none of those that are meant is not spoken to")
    func unlisted() async throws {
        try await Receiver.serve { receiver in
            var other = try Self.sender("http://127.0.0.1:\(receiver.port)/x", only: ["hooks.lan"])
            let refused = await other.send(try Self.delivery())
            #expect(Self.why(refused).contains("webhooks.hosts"))
            var meant = try Self.sender("http://127.0.0.1:\(receiver.port)/x", only: ["127.0.0.1"])
            let taken = await meant.send(try Self.delivery())
            #expect(taken == .delivered(200))
            await meant.close()
        }
    }

    @Test("A redirect is not followed")
    func redirect() async throws {
        try await Receiver.serve({ _ in .redirect(to: "/elsewhere", type: .temporary) }) {
            receiver in
            var sender = try Self.sender(receiver.url)
            let outcome = await sender.send(try Self.delivery())
            #expect(Self.why(outcome).contains("it answered 307; redirects are not followed"))
            receiver.answers(.ok)
            _ = await sender.send(try Self.delivery())
            await sender.close()
            var tries = receiver.tries.makeAsyncIterator()
            for _ in 0..<2 {
                let one = await tries.next()
                #expect(one?.path == "/hooks")
            }
        }
    }

    @Test("Of an answer without end only the beginning is read, and then it is cut off")
    func endless() async throws {
        let (cut, hears) = AsyncStream.makeStream(of: Void.self)
        let answer: Receiver.Answer = { _ in
            Response(
                status: .ok,
                body: ResponseBody { writer in
                    defer { hears.yield() }
                    let piece = ByteBuffer(repeating: 0x61, count: 1 << 16)
                    while !Task.isCancelled { try await writer.write(piece) }
                })
        }
        try await Receiver.serve(answer) { receiver in
            var sender = try Self.sender(receiver.url)
            let outcome = await sender.send(try Self.delivery())
            #expect(outcome == .delivered(200))
            var cuts = cut.makeAsyncIterator()
            await cuts.next()
            await sender.close()
        }
    }

    @Test("TLS is asked of who must have it")
    func noTLS() async throws {
        try await Receiver.serve { receiver in
            var sender = try Self.sender("https://127.0.0.1:\(receiver.port)/")
            let outcome = await sender.send(try Self.delivery())
            #expect(!outcome.isDelivered)
        }
    }

    @Test("Nobody there is an outcome, not an error")
    func nobody() async throws {
        var sender = try Self.sender("http://127.0.0.1:1/")
        let outcome = await sender.send(try Self.delivery())
        #expect(Self.why(outcome).hasPrefix("it cannot be reached"))
        var unknown = try Self.sender("https://there-is-no-such-host.invalid/")
        let none = await unknown.send(try Self.delivery())
        #expect(Self.why(none).contains("cannot be resolved"))
    }
}
