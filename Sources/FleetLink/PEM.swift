import COpenSSL

/// Reads PEM text into libssl's objects.
enum PEM {
    /// Largest PEM text taken, in bytes.
    static let maximumBytes = 1 << 20

    /// Calls `body` with each certificate of the text, which stays owned here, and returns how many there were.
    static func forEachCertificate(
        in text: String, what: String, _ body: (OpaquePointer) throws(LinkError) -> Void
    ) throws(LinkError) -> Int {
        unsafe try withBIO(text, what: what) { bio throws(LinkError) in
            var count = 0
            while true {
                OpenSSLErrors.clear()
                guard let certificate = unsafe jessica_PEM_read_bio_X509(bio) else { break }
                defer { unsafe X509_free(certificate) }
                count += 1
                unsafe try body(certificate)
            }
            guard jessica_PEM_ended() != 0, count > 0 else {
                let reason = OpenSSLErrors.drain().text(or: "no certificate found")
                throw LinkError(.invalidPEM, "\(what), certificate \(count + 1): \(reason)")
            }
            OpenSSLErrors.clear()
            return count
        }
    }

    /// Calls `body` with the private key of the text, which stays owned here.
    static func withPrivateKey(
        in text: String, what: String, _ body: (OpaquePointer) throws(LinkError) -> Void
    ) throws(LinkError) {
        unsafe try withBIO(text, what: what) { bio throws(LinkError) in
            guard let key = unsafe jessica_PEM_read_bio_PrivateKey(bio) else {
                let reason = OpenSSLErrors.drain().text(or: "no private key found")
                throw LinkError(.invalidPEM, "\(what): \(reason)")
            }
            defer { unsafe EVP_PKEY_free(key) }
            unsafe try body(key)
        }
    }

    private static func withBIO<Result>(
        _ text: String, what: String, _ body: (OpaquePointer) throws(LinkError) -> Result
    ) throws(LinkError) -> Result {
        let bytes = Array(text.utf8)
        guard bytes.count <= maximumBytes else {
            throw LinkError(.invalidPEM, "\(what): longer than \(maximumBytes) bytes")
        }
        OpenSSLErrors.clear()
        guard let bio = unsafe BIO_new(BIO_s_mem()) else {
            throw LinkError(.setup, "\(what): out of memory")
        }
        defer { unsafe BIO_free_all(bio) }
        let written = unsafe BIO_write(bio, bytes, Int32(bytes.count))
        guard bytes.isEmpty || written == bytes.count else {
            throw LinkError(.setup, "\(what): out of memory")
        }
        return unsafe try body(bio)
    }
}
