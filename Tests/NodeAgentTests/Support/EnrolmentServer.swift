import Foundation
import NIOHTTP1
import NIOSSL
import Synchronization

/// The part of a controller's API that agents without a certificate use, with answers of the test.
final class EnrolmentServer: Sendable {
    struct Form: Decodable, Sendable {
        struct Renewal: Decodable, Sendable {
            var certificate: String
            var signature: Data
        }
        var node: String
        var key: String
        var renews: Renewal?
    }
    struct Asked: Sendable {
        var path: String
        var prefer: String?
        var form: Form?
    }
    enum Answer: Sendable {
        case certificate(String)
        case pending
        case full
    }

    private let all = Mutex<[Asked]>([])
    private let answer: @Sendable (Asked, Int) throws -> Answer

    private init(_ answer: @escaping @Sendable (Asked, Int) throws -> Answer) {
        self.answer = answer
    }

    /// What was asked, in order.
    var asked: [Asked] { all.withLock { $0 } }
    /// What was asked with a form.
    var forms: [Form] { asked.compactMap(\.form) }

    /// Runs a body with the server's port; `answer` is also told how many asked before.
    static func with<Result>(
        _ certificates: Certificates,
        _ answer: @escaping @Sendable (Asked, Int) throws -> Answer,
        _ body: (EnrolmentServer, Int) async throws -> Result
    ) async throws -> Result {
        let server = EnrolmentServer(answer)
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(certificates.text("server.crt").utf8))
        let key = try NIOSSLPrivateKey(
            bytes: Array(certificates.text("server.key").utf8), format: .pem)
        let context = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key)))
        return try await LocalServer.http(tls: context) { head, sent in
            server.take(head, sent)
        } _: { port in
            try await body(server, port)
        }
    }

    private func take(
        _ head: HTTPRequestHead, _ body: [UInt8]
    ) -> (HTTPResponseStatus, [UInt8]) {
        let asked = Asked(
            path: head.uri, prefer: head.headers.first(name: "Prefer"),
            form: try? JSONDecoder().decode(Form.self, from: Data(body)))
        let before = all.withLock { all in
            all.append(asked)
            return all.count - 1
        }
        do {
            switch try answer(asked, before) {
            case .certificate(let text):
                let form = ["state": "approved", "certificate": text]
                return (.ok, [UInt8](try JSONEncoder().encode(form)))
            case .pending: return (.accepted, Array(#"{"state":"pending"}"#.utf8))
            case .full:
                let text =
                    #"{"error":{"code":"too_many_enrolments","message":"the room is full"}}"#
                return (.serviceUnavailable, Array(text.utf8))
            }
        } catch {
            return (.internalServerError, [])
        }
    }
}
