import COpenSSL
package import NIOCore

/// One TLS connection as a codec: bytes in, bytes out, no socket.
///
/// ```
///   feed(ciphertext) ─► [input BIO]  SSL  [output BIO] ─► takeCiphertext()
///   write(plaintext) ─►                                ─► read(into:)
/// ```
/// Both BIOs are memory, so libssl never waits: it either goes on or asks for input. After a failure the session
/// only gives out what is left to send (the alert).
@safe package struct TLSSession: ~Copyable {
    /// How far a step came.
    package enum Step: Sendable, Equatable {
        /// It is done.
        case done
        /// It goes on when more ciphertext was fed.
        case needsInput
        /// It failed for good.
        case failed(LinkError)
    }

    /// What a read gave.
    package enum Read: Sendable, Equatable {
        /// That many bytes of plaintext, at least one.
        case bytes(Int)
        /// Nothing until more ciphertext is fed.
        case needsInput
        /// The peer said goodbye; there will be no more.
        case closed
        /// The session failed for good.
        case failed(LinkError)
    }

    private let ssl: OpaquePointer
    private let input: OpaquePointer  // Owned by `ssl`.
    private let output: OpaquePointer  // Owned by `ssl`.
    private let context: TLSContext  // Keeps what `ssl` points into alive.
    private var failure: LinkError?
    private var established = false

    /// The server's side of a connection.
    package static func server(_ context: TLSContext) throws(LinkError) -> TLSSession {
        let session = try TLSSession(context, .server)
        unsafe SSL_set_accept_state(session.ssl)
        return session
    }

    /// The client's side; the server's certificate must be valid for `serverName`, a DNS name or an IP address.
    package static func client(
        _ context: TLSContext, serverName: String
    ) throws(LinkError) -> TLSSession {
        guard !serverName.isEmpty, serverName.utf8.count <= 253, !serverName.utf8.contains(0) else {
            throw LinkError(.setup, "the server's name must have 1 to 253 bytes")
        }
        let session = try TLSSession(context, .client)
        unsafe SSL_set_connect_state(session.ssl)
        try session.expect(serverName)
        return session
    }

    private func expect(_ serverName: String) throws(LinkError) {
        // An address is checked as an address; only a name is announced and checked as a name.
        if unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), serverName) == 1 { return }
        OpenSSLErrors.clear()
        unsafe SSL_set_hostflags(
            ssl,
            UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
        guard unsafe SSL_set1_host(ssl, serverName) == 1,
            unsafe jessica_SSL_set_tlsext_host_name(ssl, serverName) == 1
        else { throw LinkError(.setup, "the server's name \(serverName) was not taken") }
    }

    private init(_ context: TLSContext, _ role: TLSContext.Role) throws(LinkError) {
        guard context.role == role else {
            throw LinkError(.setup, "the TLS context is for the other side")
        }
        let ssl = unsafe try context.makeSSL()
        guard let input = unsafe BIO_new(BIO_s_mem()) else {
            unsafe SSL_free(ssl)
            throw LinkError(.setup, "out of memory")
        }
        guard let output = unsafe BIO_new(BIO_s_mem()) else {
            unsafe BIO_free_all(input)
            unsafe SSL_free(ssl)
            throw LinkError(.setup, "out of memory")
        }
        unsafe jessica_BIO_set_mem_eof_return(input, -1)
        unsafe jessica_BIO_set_mem_eof_return(output, -1)
        unsafe SSL_set_bio(ssl, input, output)
        unsafe self.ssl = ssl
        unsafe self.input = input
        unsafe self.output = output
        self.context = context
        self.failure = nil
    }

    deinit {
        unsafe SSL_free(ssl)
    }

    /// Takes ciphertext from the peer; false when there was no memory for it.
    package mutating func feed(_ ciphertext: ByteBuffer) -> Bool {
        unsafe ciphertext.withUnsafeReadableBytes { bytes in
            guard let start = bytes.baseAddress, bytes.count > 0 else { return true }
            guard let count = Int32(exactly: bytes.count) else { return false }
            return unsafe BIO_write(input, start, count) == count
        }
    }

    /// Ciphertext to send to the peer, or nil when there is none.
    package mutating func takeCiphertext() -> ByteBuffer? {
        let pending = unsafe BIO_ctrl_pending(output)
        guard pending > 0, let count = Int32(exactly: pending) else { return nil }
        var buffer = ByteBufferAllocator().buffer(capacity: pending)
        unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: pending) { space in
            max(0, Int(unsafe BIO_read(output, space.baseAddress, count)))
        }
        return buffer
    }

    /// Goes on with the handshake; `done` means the peer is verified and speaks our protocol.
    package mutating func handshake() -> Step {
        if let failure { return .failed(failure) }
        if established { return .done }
        OpenSSLErrors.clear()
        let result = unsafe SSL_do_handshake(ssl)
        if result == 1 {
            if let error = checkPeer() { return .failed(fail(error)) }
            established = true
            return .done
        }
        let reason = unsafe SSL_get_error(ssl, result)
        guard reason != SSL_ERROR_WANT_READ else { return .needsInput }
        return .failed(fail(error(during: .handshakeFailed, reason)))
    }

    /// Encrypts plaintext; the ciphertext waits in `takeCiphertext`.
    package mutating func write(_ plaintext: ByteBuffer) -> Step {
        if let failure { return .failed(failure) }
        guard established else { return .needsInput }
        guard plaintext.readableBytes > 0 else { return .done }
        OpenSSLErrors.clear()
        var written = 0
        let result = unsafe plaintext.withUnsafeReadableBytes { bytes in
            unsafe SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &written)
        }
        guard result == 1, written == plaintext.readableBytes else {
            let reason = unsafe SSL_get_error(ssl, result)
            return .failed(fail(error(during: .brokenRecord, reason)))
        }
        return .done
    }

    /// Appends decrypted plaintext to the buffer, at most `maximum` bytes.
    package mutating func read(into buffer: inout ByteBuffer, maximum: Int = 16 << 10) -> Read {
        if let failure { return .failed(failure) }
        guard established, maximum > 0 else { return .needsInput }
        OpenSSLErrors.clear()
        var count = 0
        var result: Int32 = 0
        unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: maximum) { space in
            unsafe result = SSL_read_ex(ssl, space.baseAddress, min(maximum, space.count), &count)
            return result == 1 ? count : 0
        }
        guard result != 1 else { return .bytes(count) }
        switch unsafe SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .needsInput
        case SSL_ERROR_ZERO_RETURN: return .closed
        case let reason: return .failed(fail(error(during: .brokenRecord, reason)))
        }
    }

    /// Says goodbye: puts a close_notify into the ciphertext, once.
    ///
    /// Does nothing before the handshake ended.
    package mutating func shutdown() {
        guard established, failure == nil else { return }
        OpenSSLErrors.clear()
        _ = unsafe SSL_shutdown(ssl)
        OpenSSLErrors.clear()
    }

    /// Who the peer is; only after the handshake.
    package func peerIdentity() throws(LinkError) -> PeerIdentity {
        guard established, let certificate = unsafe SSL_get1_peer_certificate(ssl) else {
            throw LinkError(.handshakeFailed, "the peer showed no certificate")
        }
        defer { unsafe X509_free(certificate) }
        return unsafe try PeerIdentity(certificate: certificate)
    }
}

extension TLSSession {
    /// What libssl does not refuse by itself, and, once more, what it should have refused.
    private func checkPeer() -> LinkError? {
        var name: UnsafePointer<UInt8>? = nil
        var length: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &length)
        let agreed = unsafe UnsafeBufferPointer(start: name, count: Int(length))
        guard unsafe agreed.elementsEqual(context.applicationProtocol.utf8) else {
            return LinkError(
                .alpnMismatch, "the peer does not offer \(context.applicationProtocol)")
        }
        let verified = unsafe SSL_get_verify_result(ssl) == X509_V_OK
        guard let certificate = unsafe SSL_get1_peer_certificate(ssl), verified else {
            return LinkError(.handshakeFailed, "the peer showed no valid certificate")
        }
        unsafe X509_free(certificate)
        return nil
    }

    private mutating func fail(_ error: LinkError) -> LinkError {
        failure = error
        return error
    }

    /// Maps what libssl reports to our error; `reason` is from `SSL_get_error`.
    private func error(during code: LinkError.Code, _ reason: Int32) -> LinkError {
        let errors = OpenSSLErrors.drain()
        let text = errors.text(or: "TLS error \(reason)")
        if errors.containsSSL(reason: SSL_R_NO_APPLICATION_PROTOCOL)
            || errors.containsSSL(reason: SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL)
        {
            return LinkError(.alpnMismatch, "no common application protocol: \(text)")
        }
        if errors.containsPeerAlert { return LinkError(.refusedByPeer, text) }
        let verdict = unsafe SSL_get_verify_result(ssl)
        if !established, verdict != X509_V_OK,
            let words = unsafe X509_verify_cert_error_string(verdict)
        {
            let cause = unsafe String(cString: words)
            return LinkError(code, "the peer's certificate is refused: \(cause)")
        }
        return LinkError(code, text)
    }
}
