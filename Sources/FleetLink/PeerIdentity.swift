import COpenSSL

/// Who the peer is, from the certificate that was verified in the handshake.
package struct PeerIdentity: Sendable, Equatable {
    /// The subject's common name; nil when the certificate has none.
    package let commonName: String?
    /// The URIs of the subject alternative name, in the certificate's order.
    package let uris: [String]
    /// The DNS names of the subject alternative name, in the certificate's order.
    package let dnsNames: [String]
    /// The serial number in upper-case hex.
    package let serial: String
    /// The beginning of the certificate's validity, in seconds since 1970.
    package let notBefore: Int64
    /// The end of the certificate's validity, in seconds since 1970.
    package let notAfter: Int64

    /// Makes an identity, for tests and simulated links.
    package init(
        commonName: String?, uris: [String], dnsNames: [String], serial: String,
        notBefore: Int64, notAfter: Int64
    ) {
        self.commonName = commonName
        self.uris = uris
        self.dnsNames = dnsNames
        self.serial = serial
        self.notBefore = notBefore
        self.notAfter = notAfter
    }
}

extension PeerIdentity {
    /// Most alternative names a certificate may have.
    static let maximumNames = 64

    /// Reads the certificate, which stays owned by the caller.
    ///
    /// Names that are ambiguous or hold control characters make it fail: a name that prints like another is no identity.
    init(certificate: OpaquePointer) throws(LinkError) {
        let serialText = unsafe jessica_X509_serial_hex(certificate)
        var begin: Int64 = 0
        var end: Int64 = 0
        guard let serialText = unsafe serialText,
            unsafe jessica_X509_not_before(certificate, &begin) == 1,
            unsafe jessica_X509_not_after(certificate, &end) == 1
        else { throw Self.unreadable("serial number or validity") }
        defer { unsafe jessica_OPENSSL_free(serialText) }

        unsafe self.init(
            commonName: try Self.commonName(of: certificate),
            uris: try Self.alternativeNames(of: certificate, type: GEN_URI),
            dnsNames: try Self.alternativeNames(of: certificate, type: GEN_DNS),
            serial: String(cString: serialText), notBefore: begin, notAfter: end)
    }

    private static func commonName(of certificate: OpaquePointer) throws(LinkError) -> String? {
        var bytes: UnsafeMutablePointer<UInt8>? = nil
        let length = unsafe jessica_X509_common_name(certificate, &bytes)
        defer { unsafe jessica_OPENSSL_free(bytes) }
        guard length != -1 else { return nil }
        guard length >= 0, let bytes = unsafe bytes else { throw unreadable("common name") }
        return unsafe try text(
            unsafe UnsafeBufferPointer(start: bytes, count: Int(length)), "common name")
    }

    private static func alternativeNames(
        of certificate: OpaquePointer, type: Int32
    ) throws(LinkError) -> [String] {
        guard let names = unsafe jessica_X509_subject_alternative_names(certificate) else {
            return []
        }
        defer { unsafe jessica_GENERAL_NAMES_free(names) }
        let count = unsafe jessica_GENERAL_NAMES_count(names)
        guard (0...Int32(maximumNames)).contains(count) else {
            throw unreadable("subject alternative name")
        }
        var found: [String] = []
        for index in 0..<count {
            var bytes: UnsafePointer<UInt8>? = nil
            let length = unsafe jessica_GENERAL_NAMES_get(names, index, type, &bytes)
            guard length >= 0, let bytes = unsafe bytes else { continue }
            let name = unsafe UnsafeBufferPointer(start: bytes, count: Int(length))
            found.append(unsafe try text(name, "subject alternative name"))
        }
        return found
    }

    private static func text(
        _ bytes: UnsafeBufferPointer<UInt8>, _ what: String
    ) throws(LinkError) -> String {
        guard bytes.count <= 1_024,
            let text = unsafe String(validating: bytes, as: UTF8.self),
            text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else { throw unreadable(what) }
        return text
    }

    private static func unreadable(_ what: String) -> LinkError {
        LinkError(.handshakeFailed, "the peer's certificate has an unreadable \(what)")
    }
}
