import COpenSSL

/// A certificate of a PEM text, read but not verified.
package struct PEMCertificate: Sendable, Equatable {
    /// Whom it names.
    package let identity: PeerIdentity
    /// The whole certificate, DER.
    package let der: [UInt8]
    /// The key it is for, as its DER SubjectPublicKeyInfo.
    package let publicKey: [UInt8]
    /// The beginning of its validity, in seconds since 1970.
    package var notBefore: Int64 { identity.notBefore }
    /// Whether it is signed with the key it is for: nobody has changed a word of it who has not that key.
    package let isSelfSigned: Bool

    /// Every certificate of the text, at least one.
    ///
    /// Throws `invalidPEM`, or the error of a name that is none.
    package static func all(in text: String) throws(LinkError) -> [PEMCertificate] {
        var found: [PEMCertificate] = []
        _ = unsafe try PEM.forEachCertificate(in: text, what: "certificate") {
            certificate throws(LinkError) in
            found.append(unsafe try PEMCertificate(certificate))
        }
        return found
    }

    private init(_ certificate: OpaquePointer) throws(LinkError) {
        var whole: UnsafeMutablePointer<UInt8>? = nil
        var key: UnsafeMutablePointer<UInt8>? = nil
        let size = unsafe i2d_X509(certificate, &whole)
        let keySize = unsafe i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key)
        defer {
            unsafe jessica_OPENSSL_free(whole)
            unsafe jessica_OPENSSL_free(key)
        }
        guard size > 0, keySize > 0, let whole = unsafe whole, let key = unsafe key
        else { throw LinkError(.invalidPEM, "certificate: its key cannot be read") }
        identity = unsafe try PeerIdentity(certificate: certificate)
        der = unsafe [UInt8](UnsafeBufferPointer(start: whole, count: Int(size)))
        publicKey = unsafe [UInt8](UnsafeBufferPointer(start: key, count: Int(keySize)))
        isSelfSigned = unsafe X509_verify(certificate, X509_get0_pubkey(certificate)) == 1
    }
}
