import COpenSSL

/// Everything the sessions of one side share: trust, own certificate and key, rules.
///
/// The rules are not for configuration: TLS 1.3 only, both sides show a certificate, one application protocol,
/// no session tickets and so no early data. Every certificate of the CA bundle is an anchor, also an issuing CA
/// without its root, so that issuing CAs can be rotated by listing two.
@safe package final class TLSContext: Sendable {
    /// Which end of the connection this is.
    package enum Role: Sendable, Equatable {
        case server
        case client
    }

    /// The application protocol both sides must agree on.
    package static let defaultProtocol = "jessica-fleet/1"

    /// Which end of the connection the context is for.
    package let role: Role
    /// The application protocol in force.
    package let applicationProtocol: String

    // libssl counts references to an SSL_CTX atomically and only reads it once sessions are made from it.
    nonisolated(unsafe) private let pointer: OpaquePointer
    // Wire form of the protocol; the server's callback reads it. Never written after init.
    nonisolated(unsafe) private let wireProtocol: UnsafeMutablePointer<UInt8>

    /// Makes a context from PEM texts; the first certificate of the chain is our own.
    ///
    /// Throws `invalidPEM`, `keyMismatch` or `setup`, naming what is wrong.
    package init(
        role: Role, caBundle: String, certificateChain: String, privateKey: String,
        applicationProtocol: String = TLSContext.defaultProtocol
    ) throws(LinkError) {
        let name = Array(applicationProtocol.utf8)
        guard (1...255).contains(name.count) else {
            throw LinkError(.setup, "the application protocol must have 1 to 255 bytes")
        }
        OpenSSLErrors.clear()
        let method = unsafe role == .server ? TLS_server_method() : TLS_client_method()
        guard let context = unsafe SSL_CTX_new(method) else {
            throw LinkError(.setup, OpenSSLErrors.drain().text(or: "no TLS context"))
        }
        let wire = UnsafeMutablePointer<UInt8>.allocate(capacity: name.count + 1)
        for (index, byte) in ([UInt8(name.count)] + name).enumerated() {
            unsafe (wire + index).initialize(to: byte)
        }
        self.role = role
        self.applicationProtocol = applicationProtocol
        unsafe self.pointer = context
        unsafe self.wireProtocol = wire

        try setRules(protocolBytes: name.count + 1)
        try trust(caBundle)
        try present(certificateChain, privateKey)
    }

    deinit {
        unsafe SSL_CTX_free(pointer)
        unsafe wireProtocol.deallocate()
    }

    /// Whether our own certificate is of an authority of the bundle, its chain included; ended ones count too.
    package var trustsOwnCertificate: Bool {
        defer { OpenSSLErrors.clear() }
        return unsafe jessica_SSL_CTX_trusts_own_certificate(pointer) == 1
    }

    /// A new session's handle, owned by the caller, who must keep the context alive as long.
    func makeSSL() throws(LinkError) -> OpaquePointer {
        OpenSSLErrors.clear()
        guard let ssl = unsafe SSL_new(pointer) else {
            throw LinkError(.setup, OpenSSLErrors.drain().text(or: "no TLS session"))
        }
        return unsafe ssl
    }

    private func setRules(protocolBytes: Int) throws(LinkError) {
        guard unsafe jessica_SSL_CTX_set_min_proto_version(pointer, TLS1_3_VERSION) == 1,
            unsafe jessica_SSL_CTX_set_max_proto_version(pointer, TLS1_3_VERSION) == 1,
            unsafe SSL_CTX_set_num_tickets(pointer, 0) == 1,
            unsafe SSL_CTX_set_max_early_data(pointer, 0) == 1
        else {
            throw LinkError(.setup, OpenSSLErrors.drain().text(or: "TLS 1.3 is not available"))
        }
        unsafe SSL_CTX_set_security_level(pointer, 2)
        unsafe jessica_SSL_CTX_disable_sessions(pointer)
        unsafe jessica_SSL_CTX_set_release_buffers(pointer)
        // A chain of ours has a few KiB; the default lets a stranger make us hold 100.
        unsafe jessica_SSL_CTX_set_max_cert_list(pointer, 32 << 10)
        unsafe SSL_CTX_set_verify_depth(pointer, 4)
        unsafe SSL_CTX_set_verify(
            pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        unsafe X509_VERIFY_PARAM_set_flags(
            SSL_CTX_get0_param(pointer), UInt(X509_V_FLAG_PARTIAL_CHAIN))
        switch role {
        case .server:
            unsafe jessica_SSL_CTX_set_alpn_server(pointer, wireProtocol)
        case .client:
            // Unlike its neighbours this call returns 0 for success.
            guard unsafe SSL_CTX_set_alpn_protos(pointer, wireProtocol, UInt32(protocolBytes)) == 0
            else { throw LinkError(.setup, "the application protocol was not taken") }
        }
    }

    private func trust(_ bundle: String) throws(LinkError) {
        let store = unsafe SSL_CTX_get_cert_store(pointer)
        _ = unsafe try PEM.forEachCertificate(in: bundle, what: "CA bundle") {
            certificate throws(LinkError) in
            guard unsafe X509_STORE_add_cert(store, certificate) == 1 else {
                throw LinkError(.setup, "CA bundle: " + OpenSSLErrors.drain().text(or: "refused"))
            }
        }
    }

    private func present(_ chain: String, _ key: String) throws(LinkError) {
        var first = true
        _ = unsafe try PEM.forEachCertificate(in: chain, what: "certificate chain") {
            certificate throws(LinkError) in
            let taken =
                unsafe first
                ? SSL_CTX_use_certificate(pointer, certificate)
                : jessica_SSL_CTX_add1_chain_cert(pointer, certificate)
            first = false
            guard taken == 1 else {
                let reason = OpenSSLErrors.drain().text(or: "refused")
                throw LinkError(.setup, "certificate chain: \(reason)")
            }
        }
        unsafe try PEM.withPrivateKey(in: key, what: "private key") { key throws(LinkError) in
            guard unsafe SSL_CTX_use_PrivateKey(pointer, key) == 1,
                unsafe SSL_CTX_check_private_key(pointer) == 1
            else {
                let reason = OpenSSLErrors.drain().text(or: "refused")
                throw LinkError(
                    .keyMismatch, "the private key does not belong to the certificate: \(reason)")
            }
        }
    }
}
