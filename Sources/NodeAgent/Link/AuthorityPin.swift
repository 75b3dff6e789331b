import FleetLink
import Foundation

extension KeyFingerprint {
    /// The one certificate of a text if its key is that of the fingerprint, written anew so that nothing else is in it.
    ///
    /// Throws when it is not.
    func authority(in text: String) throws(AgentError) -> String {
        let found: [PEMCertificate]
        do {
            found = try PEMCertificate.all(in: text)
        } catch {
            throw AgentError(
                .identity, "the authority's certificate cannot be read: \(error.message)")
        }
        guard let authority = found.first, found.count == 1 else {
            throw AgentError(
                .identity, "\(found.count) certificates were offered for the authority's")
        }
        let offered = KeyFingerprint(of: authority.publicKey)
        guard offered == self else {
            throw AgentError(
                .identity,
                "the authority that was offered is \(offered), not controller.fingerprint: another controller, or somebody in between"
            )
        }
        // With its key alone it might have other dates or another name: kept, it would shut the right one out.
        guard authority.isSelfSigned else {
            throw AgentError(
                .identity,
                "the certificate that was offered for the authority's is not signed by it: somebody is in between"
            )
        }
        let lines = Data(authority.der).base64EncodedString(
            options: [.lineLength64Characters, .endLineWithLineFeed])
        return "-----BEGIN CERTIFICATE-----\n\(lines)\n-----END CERTIFICATE-----\n"
    }

    /// Whether one of the certificates of a text is of this key.
    func isAmong(_ text: String) -> Bool {
        let found = try? PEMCertificate.all(in: text)
        return found?.contains { KeyFingerprint(of: $0.publicKey) == self } ?? false
    }
}
