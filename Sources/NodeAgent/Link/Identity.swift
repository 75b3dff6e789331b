import FleetLink
import NIOSSL

/// The files by which node and controller know each other.
struct Identity: Sendable, Hashable {
    /// Whom we trust.
    let ca: String
    /// Our certificate.
    let certificate: String
    /// Its key.
    let key: String

    /// What one connection to the controller needs.
    struct Credential: Sendable {
        /// For the connection.
        let context: TLSContext
        /// Our certificate in it.
        let certificate: NodeCertificate
        /// Its key, PEM.
        let key: String
    }

    /// What the files hold, read anew each time: another certificate needs no restart.
    ///
    /// Throws with the file's name.
    func credential() throws(AgentError) -> Credential {
        let ca = try authority()
        let chain = try Self.text(certificate)
        let key = try Self.text(self.key)
        do {
            return Credential(
                context: try TLSContext(
                    role: .client, caBundle: ca, certificateChain: chain, privateKey: key),
                certificate: try NodeCertificate(pem: chain), key: key)
        } catch {
            throw AgentError(
                .identity, "\(error.message) (\(self.ca), \(certificate), \(self.key))")
        }
    }

    /// The certificates of those we trust, PEM.
    func authority() throws(AgentError) -> String { try Self.text(ca) }

    /// The same; nil when there are none.
    func knownAuthority() throws(AgentError) -> String? {
        try DurableFile.read(ca).map { String(decoding: $0, as: UTF8.self) }
    }

    /// What the certificates of servers outputs are stored at may be signed by, beside the usual.
    func trustRoots() throws -> NIOSSLAdditionalTrustRoots {
        .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authority().utf8)))
    }

    private static func text(_ path: String) throws(AgentError) -> String {
        guard let bytes = try DurableFile.read(path) else {
            throw AgentError(
                .identity,
                "\(path) is missing; get it with `spark-controller certify`, or set controller.fingerprint and the agent asks for it"
            )
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
