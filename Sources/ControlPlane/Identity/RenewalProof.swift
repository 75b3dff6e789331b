import Crypto
import FleetCore
import Foundation
import SwiftASN1
import X509

/// What shows that whoever asks for a new certificate holds the key of a present one.
struct RenewalProof: Sendable {
    /// The present certificate, as PEM.
    let certificate: String
    /// The signature of the present key over the new one (its DER SubjectPublicKeyInfo), in DER.
    let signature: Data

    /// The longest certificate that is looked at, in bytes; ours have less than one KiB.
    static let certificateMax = 8 << 10
}

extension Authority {
    /// When the present certificate was issued, if it is a node's and good for a new one; nil if not.
    ///
    /// Whether a ban has made it void is for the machine to say.
    func issueTime(
        of proof: RenewalProof, for node: NodeName, newKey: P256.Signing.PublicKey,
        at now: Instant
    ) -> Instant? {
        guard proof.certificate.utf8.count <= RenewalProof.certificateMax,
            let present = try? Certificate(pemEncoded: proof.certificate),
            let subject = try? DistinguishedName(builder: { CommonName(node.rawValue) }),
            present.subject == subject, isIssuer(of: present),
            (try? present.extensions.extendedKeyUsage)?.contains(.clientAuth) == true,
            let key = P256.Signing.PublicKey(present.publicKey),
            let signature = try? P256.Signing.ECDSASignature(derRepresentation: proof.signature),
            key.isValidSignature(signature, for: newKey.derRepresentation)
        else { return nil }
        let begin = Instant(wholeSecondsOf: present.notValidBefore)
        let end = Instant(wholeSecondsOf: present.notValidAfter)
        guard begin <= now, now < end else { return nil }
        return begin + Self.backdate
    }
}

extension P256.Signing.PublicKey {
    /// What people compare keys by: the SHA-256 of the DER SubjectPublicKeyInfo.
    var fingerprint: String { "SHA256:\(SHA256.hash(data: derRepresentation).hexadecimal)" }
}

extension Instant {
    /// The whole second of a certificate's date.
    fileprivate init(wholeSecondsOf date: Date) {
        self = Instant.zero + .seconds(Int64(date.timeIntervalSince1970.rounded(.down)))
    }
}
