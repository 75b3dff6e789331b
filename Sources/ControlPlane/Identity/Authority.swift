import Crypto
package import FleetCore
package import Foundation
import SwiftASN1
import X509

/// The fleet's own certificate authority: it names the controller and the nodes to each other.
///
/// Made at the controller's first start and kept in its state folder, readable by its owner only.
package struct Authority: Sendable {
    /// A certificate and its key, as PEM.
    package struct Credential: Sendable {
        /// The certificate.
        package let certificate: String
        /// The private key.
        package let key: String
        /// When the certificate ends.
        package let ends: Date
    }

    /// The authority's certificate, as PEM: what everybody trusts.
    package let trust: String
    /// When it ends, and with it everything it has signed.
    package var ends: Date { certificate.notValidAfter }
    private let certificate: Certificate
    private let key: P256.Signing.PrivateKey

    /// The clocks of boxes without a battery are behind after a boot.
    static let backdate = Duration.seconds(300)
    private static let rootLife = Duration.seconds(10 * 365 * 86_400)
    /// How long a certificate of the controller or of a node is good.
    package static let leafLife = Duration.seconds(365 * 86_400)

    /// Opens the authority in a folder, or makes it there.
    package init(directory: String) throws {
        let certificatePath = directory + "/ca.crt"
        let keyPath = directory + "/ca.key"
        try SecretFile.makeDirectory(directory)
        if let pem = try SecretFile.read(certificatePath) {
            guard let keyPEM = try SecretFile.read(keyPath) else {
                throw IdentityError("\(keyPath) is missing; the authority cannot sign without it")
            }
            certificate = try Certificate(pemEncoded: pem)
            key = try P256.Signing.PrivateKey(pemRepresentation: keyPEM)
            trust = pem
            return
        }
        let key = P256.Signing.PrivateKey()
        let name = try DistinguishedName { CommonName("Jessica fleet authority") }
        let certificate = try Self.sign(
            name, subjectKey: key.publicKey, issuer: name, issuerKey: key,
            at: AnchoredClock().now, life: Self.rootLife,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: Certificate.PublicKey(key.publicKey))
            })
        self.key = key
        self.certificate = certificate
        trust = try certificate.serializeAsPEM().pemString
        // The key first: a certificate without a key would block every later start.
        try SecretFile.write(key.pemRepresentation, to: keyPath)
        try SecretFile.write(trust, to: certificatePath)
    }

    /// A key for one purpose that whoever has the authority can make again.
    func key(for purpose: String) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: key.rawRepresentation),
            info: Data("jessica \(purpose)".utf8), outputByteCount: 32)
    }

    /// The fingerprint of its key, by which agents know it before they trust it.
    package var fingerprint: String { key.publicKey.fingerprint }

    /// When a certificate was issued, by the beginning of its validity in seconds since 1970.
    static func issueTime(notBefore: Int64) -> Instant {
        Instant.zero + .seconds(notBefore) + backdate
    }

    /// Whether it has signed a certificate.
    func isIssuer(of other: Certificate) -> Bool {
        other.issuer == certificate.subject
            && certificate.publicKey.isValidSignature(other.signature, for: other)
    }

    /// Issues a certificate for a node's agent, and a key; its name is the certificate's.
    package func node(_ name: String) throws -> Credential {
        let key = P256.Signing.PrivateKey()
        let issued = try node(name, key: key.publicKey, at: AnchoredClock().now)
        return try Credential(issued, key)
    }

    /// Issues a certificate for the agent of a node that keeps its key to itself, as of an instant.
    func certify(
        _ node: NodeName, key: P256.Signing.PublicKey, at now: Instant
    ) throws -> String {
        try self.node(node.rawValue, key: key, at: now).serializeAsPEM().pemString
    }

    private func node(
        _ name: String, key: P256.Signing.PublicKey, at now: Instant
    ) throws -> Certificate {
        try issue(
            name, names: [.uniformResourceIdentifier("spiffe://jessica/node/\(name)")],
            usage: ExtendedKeyUsage([.clientAuth]), key: key, at: now)
    }

    /// Issues a certificate for the controller, reachable by these host names and addresses, as of an instant.
    package func server(
        hosts: [String], at now: Instant = AnchoredClock().now, life: Duration = Authority.leafLife
    ) throws -> Credential {
        let names = hosts.compactMap { host -> GeneralName? in
            if let address = Self.address(host) {
                return .ipAddress(ASN1OctetString(contentBytes: address))
            }
            return .dnsName(host)
        }
        let key = P256.Signing.PrivateKey()
        let issued = try issue(
            "spark-controller", names: names, usage: ExtendedKeyUsage([.serverAuth]),
            key: key.publicKey, at: now, life: life)
        return try Credential(issued, key)
    }

    private func issue(
        _ name: String, names: [GeneralName], usage: ExtendedKeyUsage,
        key: P256.Signing.PublicKey, at now: Instant, life: Duration = leafLife
    ) throws -> Certificate {
        let subject = try DistinguishedName { CommonName(name) }
        return try Self.sign(
            subject, subjectKey: key, issuer: certificate.subject, issuerKey: self.key,
            at: now, life: life,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                usage
                SubjectAlternativeNames(names)
                SubjectKeyIdentifier(hash: Certificate.PublicKey(key))
            })
    }

    private static func sign(
        _ subject: DistinguishedName, subjectKey: P256.Signing.PublicKey,
        issuer: DistinguishedName, issuerKey: P256.Signing.PrivateKey, at now: Instant,
        life: Duration, extensions: Certificate.Extensions
    ) throws -> Certificate {
        try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(),
            publicKey: Certificate.PublicKey(subjectKey),
            notValidBefore: date(now - backdate), notValidAfter: date(now + life), issuer: issuer,
            subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
            issuerPrivateKey: Certificate.PrivateKey(issuerKey))
    }

    /// An instant as a certificate has it: in whole seconds, cut off.
    private static func date(_ instant: Instant) -> Date {
        Date(timeIntervalSince1970: Double(instant.nanoseconds / 1_000_000_000))
    }

    /// The bytes of an IPv4 address; nil when it is a name.
    private static func address(_ host: String) -> ArraySlice<UInt8>? {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard parts.count == 4, !parts.contains(nil) else {
            return host == "::1" ? ArraySlice([UInt8](repeating: 0, count: 15) + [1]) : nil
        }
        return ArraySlice(parts.compactMap { $0 })
    }
}

extension Authority.Credential {
    fileprivate init(_ certificate: Certificate, _ key: P256.Signing.PrivateKey) throws {
        self.init(
            certificate: try certificate.serializeAsPEM().pemString, key: key.pemRepresentation,
            ends: certificate.notValidAfter)
    }
}

/// What is wrong with a certificate, a key or a token, in one sentence.
package struct IdentityError: Error, CustomStringConvertible {
    /// The sentence.
    package let description: String
    /// Creates an error.
    package init(_ description: String) { self.description = description }
}
