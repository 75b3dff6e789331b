import FleetCore
import FleetLink
import Foundation
import Logging
import NIOSSL
import Synchronization

/// The controller's own certificate, as both of its ports show it: made at the start, and anew in time.
///
/// A connection has the one that is current when it is made, and goes on when another takes its place.
final class ServerCertificate: Sendable {
    private struct Issue: Sendable {
        let link: TLSContext
        let https: NIOSSLContext
        let issuedAt: Instant
        let ends: Date
    }

    private let authority: Authority
    private let hosts: [String]
    private let life: Duration
    private let logger: Logger
    private let now: @Sendable () -> Instant
    private let pause: @Sendable (Duration) async throws -> Void
    private let current: Mutex<Issue>

    /// How often it is looked whether the certificate comes to its end.
    private static let every = Duration.seconds(3_600)

    /// Makes the first one, for these host names and addresses; `now` is the time of day, which peers go by.
    init(
        authority: Authority, hosts: [String], life: Duration = Authority.leafLife, logger: Logger,
        now: @escaping @Sendable () -> Instant = { AnchoredClock().now },
        pause: @escaping @Sendable (Duration) async throws -> Void = {
            try await Task.sleep(for: $0, clock: .continuous)
        }
    ) throws {
        self.authority = authority
        self.hosts = hosts
        self.life = life
        self.logger = logger
        self.now = now
        self.pause = pause
        current = Mutex(try Self.issue(authority, hosts, at: now(), life))
    }

    /// What a connection of an agent is made with now.
    var link: TLSContext { current.withLock { $0.link } }
    /// What a connection of HTTPS is made with now.
    var https: NIOSSLContext { current.withLock { $0.https } }
    /// When the present one ends.
    var ends: Date { current.withLock { $0.ends } }

    /// Looks each hour whether it is time for another, until cancelled.
    func run() async {
        while (try? await pause(Self.every)) != nil { renewIfDue() }
    }

    /// Makes another if less than a third of the present one's life is left.
    func renewIfDue() {
        let now = now()
        let age = now.since(current.withLock { $0.issuedAt })
        // One that begins later than now is good for nobody: the clock was set back.
        guard age > life - life / 3 || age + Authority.backdate < .zero else { return }
        do {
            let next = try Self.issue(authority, hosts, at: now, life)
            current.withLock { $0 = next }
            logger.notice("the controller has a new certificate")
        } catch {
            logger.error(
                "the controller's certificate is not renewed yet", metadata: ["error": "\(error)"])
        }
    }

    private static func issue(
        _ authority: Authority, _ hosts: [String], at now: Instant, _ life: Duration
    ) throws -> Issue {
        let credential = try authority.server(hosts: hosts, at: now, life: life)
        return Issue(
            link: try TLSContext(
                role: .server, caBundle: authority.trust,
                certificateChain: credential.certificate, privateKey: credential.key),
            https: try secureContext(credential), issuedAt: now, ends: credential.ends)
    }

    private static func secureContext(_ credential: Authority.Credential) throws -> NIOSSLContext {
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(credential.certificate.utf8))
                .map { .certificate($0) },
            privateKey: .privateKey(
                try NIOSSLPrivateKey(bytes: Array(credential.key.utf8), format: .pem)))
        tls.minimumTLSVersion = .tlsv12
        return try NIOSSLContext(configuration: tls)
    }
}
