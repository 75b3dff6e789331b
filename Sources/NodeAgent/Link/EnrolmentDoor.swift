import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL

/// What of a controller's HTTPS API is open to an agent that has no certificate yet.
struct EnrolmentDoor: Sendable {
    /// Where it is.
    let place: AgentSettings.Place
    /// The name in its certificate; nil for its host.
    let serverName: String?

    /// Who asks to be admitted.
    struct Request: Encodable, Sendable {
        let node: String
        /// The public key to get a certificate for, PEM.
        let key: String
        let version: String
        var renews: Renewal?
    }

    /// Why nobody needs to be asked.
    struct Renewal: Encodable, Sendable {
        /// The present certificate, PEM.
        let certificate: String
        /// That its key knows of the new one.
        let signature: Data
    }

    /// What a controller says to who asks.
    enum Decision: Sendable {
        /// It is admitted, and this is its certificate, PEM.
        case admitted(String)
        /// Nobody has said so yet.
        case waits
        /// Too many wait already.
        case noRoom(AgentError)
    }

    private struct Answer: Decodable {
        var certificate: String?
    }
    private struct Refusal: Decodable {
        struct Words: Decodable {
            var code: String?
            var message: String
        }
        var error: Words
    }

    /// The most bytes of an answer.
    private static let bytesMax = 64 << 10

    /// What the controller says the authority's certificate is, PEM; nothing vouches for it.
    func authority() async throws -> String {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.certificateVerification = .none
        let (status, body) = try await exchange(.GET, "authority", nil, hold: 0, tls)
        guard status == .ok,
            let certificate = try? JSONDecoder().decode(Answer.self, from: body).certificate
        else { throw refusal(status, body) }
        return certificate
    }

    /// Asks for a certificate; the answer may take `hold` seconds.
    func enrol(
        _ request: Request, trusting authority: String, hold: Int
    ) async throws -> Decision {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(
            try NIOSSLCertificate.fromPEMBytes(Array(authority.utf8)))
        let form = try JSONEncoder().encode(request)
        let (status, body) = try await exchange(.POST, "enrolments", form, hold: hold, tls)
        if status == .accepted { return .waits }
        if Self.words(body)?.code == "too_many_enrolments" { return .noRoom(refusal(status, body)) }
        guard status == .ok,
            let certificate = try? JSONDecoder().decode(Answer.self, from: body).certificate
        else { throw refusal(status, body) }
        return .admitted(certificate)
    }

    private func exchange(
        _ method: HTTPMethod, _ call: String, _ body: Data?, hold: Int, _ tls: TLSConfiguration
    ) async throws -> (HTTPResponseStatus, Data) {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: .seconds(5), read: .seconds(Int64(hold) + 10))
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.tlsConfiguration = tls
        if let serverName { configuration.dnsOverride = [serverName: place.host] }
        let named = AgentSettings.Place(host: serverName ?? place.host, port: place.port)
        var request = HTTPClientRequest(url: "https://\(named)/api/v1/\(call)")
        request.method = method
        if hold > 0 { request.headers.add(name: "Prefer", value: "wait=\(hold)") }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        do {
            // Rarely used, and with other trust each time: nothing of it is kept.
            return try await HTTPClient.withHTTPClient(configuration: configuration) { client in
                let answer = try await client.execute(
                    request, timeout: .seconds(Int64(hold) + 15))
                let bytes = try await answer.body.collect(upTo: Self.bytesMax)
                return (answer.status, Data(bytes.readableBytesView))
            }
        } catch {
            try Task.checkCancellation()
            throw AgentError(.identity, "cannot ask \(place) to be admitted: \(error)")
        }
    }

    /// The controller's words, or what stands for them.
    private func refusal(_ status: HTTPResponseStatus, _ body: Data) -> AgentError {
        let words = Self.words(body)?.message ?? "it answered \(status.code)"
        return AgentError(.identity, "\(place) does not admit the node: \(words)")
    }

    private static func words(_ body: Data) -> Refusal.Words? {
        try? JSONDecoder().decode(Refusal.self, from: body).error
    }
}
