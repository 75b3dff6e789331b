import AsyncHTTPClient
import Crypto
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Settings

/// What is delivered: the same on every try.
struct WebhookDelivery: Sendable {
    /// The value of `webhook-id`.
    let id: String
    /// The body.
    let body: Data

    private struct Body<Content: Encodable>: Encodable {
        var type: String
        var timestamp: String
        var data: Content
    }

    init(id: String, type: String, timestamp: String, data: some Encodable) throws {
        self.id = id
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        body = try encoder.encode(Body(type: type, timestamp: timestamp, data: data))
    }
}

/// What became of one try.
enum WebhookOutcome: Hashable, Sendable {
    /// It was taken, with this status.
    case delivered(Int)
    /// It was not, for this reason.
    case failed(String)

    var isDelivered: Bool { if case .delivered = self { true } else { false } }
}

/// Tries deliveries to one webhook; it keeps a connection to the address that was checked.
struct WebhookSender: Sendable {
    /// How a host's addresses are found.
    typealias Resolver = @Sendable (String) async throws -> [IPAddress]

    let target: WebhookTarget
    let secret: WebhookSecret
    let rules: WebhookRules
    /// A file of certificates to trust beside those of the system.
    let trust: String?
    var resolve: Resolver = { try await HostResolver.addresses(of: $0) }

    /// How long a try may take once the address is known.
    static let patience = Duration.seconds(5)
    /// What is read of an answer, in bytes.
    private static let answerLimit = 64 << 10
    /// How long an address that was looked up is good for.
    private static let addressLife = Duration.seconds(60)

    /// A client that reaches the host at one address only.
    private struct Pinned: Sendable {
        let client: HTTPClient
        let until: ContinuousClock.Instant
    }
    private var pinned: Pinned?
    private var attempts = 0

    init(target: WebhookTarget, secret: WebhookSecret, rules: WebhookRules, trust: String?) {
        self.target = target
        self.secret = secret
        self.rules = rules
        self.trust = trust
    }

    /// Closes the connection, so that the next try looks the address up again.
    mutating func close() async {
        try? await pinned.take()?.client.shutdown()
    }

    /// Tries once.
    mutating func send(_ delivery: WebhookDelivery) async -> WebhookOutcome {
        let outcome: WebhookOutcome
        do {
            let client = try await client()
            outcome =
                try await withLimit(Self.patience) { [request = request(delivery)] in
                    try await Self.exchange(request, client)
                } ?? .failed("it did not answer within \(Self.patience)")
        } catch let refusal as WebhookRefusal {
            outcome = .failed(refusal.description)
        } catch {
            outcome = .failed(Self.text(error))
        }
        if !outcome.isDelivered { await close() }
        return outcome
    }

    private mutating func client() async throws -> HTTPClient {
        if let pinned, pinned.until > .now { return pinned.client }
        await close()
        attempts &+= 1
        let address = try rules.choose(
            target, among: try await resolve(target.host), attempt: attempts & 0xFFFF)
        var settings = HTTPClient.Configuration()
        settings.redirectConfiguration = .disallow
        settings.timeout = .init(connect: .seconds(5), read: .seconds(5))
        settings.httpVersion = .http1Only
        settings.connectionPool.retryConnectionEstablishment = false
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1
        // TLS still asks for the host's name.
        settings.dnsOverride = [target.host: address.description]
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let trust { tls.additionalTrustRoots = [.file(trust)] }
        settings.tlsConfiguration = tls
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
        pinned = Pinned(client: client, until: .now + Self.addressLife)
        return client
    }

    private func request(_ delivery: WebhookDelivery) -> HTTPClientRequest {
        let timestamp = Int64(Date().timeIntervalSince1970)
        var request = HTTPClientRequest(url: target.url)
        request.method = .POST
        request.headers = [
            "Content-Type": "application/json", "User-Agent": "jessica/\(Version.number)",
            "webhook-id": delivery.id, "webhook-timestamp": "\(timestamp)",
            "webhook-signature": secret.signature(
                id: delivery.id, timestamp: timestamp, body: delivery.body),
        ]
        request.body = .bytes(delivery.body)
        return request
    }

    private static func exchange(
        _ request: HTTPClientRequest, _ client: HTTPClient
    ) async throws -> WebhookOutcome {
        let response = try await client.execute(request, timeout: .seconds(5))
        let status = Int(response.status.code)
        guard (200..<300).contains(status) else {
            let hint = (300..<400).contains(status) ? "; redirects are not followed" : ""
            return .failed("it answered \(status)\(hint)")
        }
        var size = 0
        for try await piece in response.body {
            size += piece.readableBytes
            // Who says more is not listened to; the connection is closed by that.
            if size > answerLimit { break }
        }
        return .delivered(status)
    }

    private static func text(_ error: any Error) -> String {
        switch error {
        case let error as HTTPClientError: "it cannot be reached: \(error.shortDescription)"
        case is CancellationError: "the controller is stopping"
        case is NIOSSLError, is BoringSSLError: "its TLS failed: \(error)"
        default: "it cannot be reached: \(String("\(error)".prefix(200)))"
        }
    }
}
