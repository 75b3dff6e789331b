import FleetLink

/// A certificate of a node, as far as its agent must understand it.
struct NodeCertificate: Sendable {
    /// The certificate as it was read, PEM.
    let text: String
    /// The node it is for.
    let name: String?
    /// The key it is for, as its DER SubjectPublicKeyInfo.
    let key: [UInt8]
    /// When it begins, in seconds since 1970.
    let begins: Int64
    /// When it ends, in seconds since 1970.
    let ends: Int64

    /// Reads the first certificate of a PEM text; nothing is verified.
    init(pem text: String) throws(LinkError) {
        guard let own = try PEMCertificate.all(in: text).first else {
            throw LinkError(.invalidPEM, "certificate: none found")
        }
        self.text = text
        name = own.identity.commonName
        key = own.publicKey
        begins = own.notBefore
        ends = own.identity.notAfter
    }

    /// Whether it has ended.
    func hasEnded(at now: Int64) -> Bool { ends <= now }

    /// Whether less than a third of its life is left.
    func isDue(at now: Int64) -> Bool { now > ends - (ends - begins) / 3 }
}
