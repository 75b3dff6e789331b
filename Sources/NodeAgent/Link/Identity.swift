import FleetLink
import Foundation
import NIOSSL

/// The files by which node and controller know each other.
struct Identity: Sendable, Hashable {
    /// Whom we trust.
    let ca: String
    /// Our certificate.
    let certificate: String
    /// Its key.
    let key: String

    /// A context for connections to the controller.
    ///
    /// Throws with the file's name.
    func clientContext() async throws -> TLSContext {
        let (ca, certificate, key) = try await Disk.run {
            (try Self.text(self.ca), try Self.text(self.certificate), try Self.text(self.key))
        }
        do {
            return try TLSContext(
                role: .client, caBundle: ca, certificateChain: certificate, privateKey: key)
        } catch {
            throw AgentError(
                .identity, "\(error.message) (\(self.ca), \(self.certificate), \(self.key))")
        }
    }

    /// What the certificates of servers outputs are stored at may be signed by, beside the usual.
    func trustRoots() throws -> NIOSSLAdditionalTrustRoots {
        .certificates(try NIOSSLCertificate.fromPEMBytes(Array(Self.text(ca).utf8)))
    }

    private static func text(_ path: String) throws(AgentError) -> String {
        guard let bytes = try DurableFile.read(path) else {
            throw AgentError(
                .identity, "\(path) is missing; get it with `spark-controller certify`")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
