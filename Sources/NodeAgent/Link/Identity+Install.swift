import Crypto
import Foundation
import Glibc

/// How another key and its certificate take the place of the present ones, whole or not at all.
///
/// The key waits beside the present one for its certificate, so that an agent that starts anew asks with the
/// same. The certificate beside the present one is the decision: from then on both are renamed, now or at
/// the next look.
extension Identity {
    /// A key that has no certificate yet.
    var nextKey: String { key + ".new" }
    /// Its certificate, until both are in their places.
    var nextCertificate: String { certificate + ".new" }

    /// The key to get a certificate for: the one that waits, or a new one.
    func keyWithoutCertificate() throws -> P256.Signing.PrivateKey {
        if let kept = try Self.signingKey(nextKey) { return kept }
        let made = P256.Signing.PrivateKey()
        try write(made.pemRepresentation, to: nextKey)
        return made
    }

    /// Puts the certificate of the key that waits in force.
    func install(_ certificate: String) throws {
        try write(certificate, to: nextCertificate)
        try finishInstall()
    }

    /// Finishes what was begun; a certificate without its key is dropped.
    func finishInstall() throws {
        guard let bytes = try DurableFile.read(nextCertificate) else { return }
        let next = try? NodeCertificate(pem: String(decoding: bytes, as: UTF8.self))
        if let next, try Self.holds(nextKey, next.key) {
            try move(nextKey, to: key)
        } else if let next, try Self.holds(key, next.key) {
            // The key is in its place already.
        } else {
            guard unsafe unlink(nextCertificate) == 0 else {
                throw DurableFile.failure("cannot remove \(nextCertificate)")
            }
            return
        }
        try move(nextCertificate, to: certificate)
    }

    /// Keeps the certificate of the authority that was found to be the right one.
    func keepAuthority(_ text: String) throws { try write(text, to: ca) }

    private static func signingKey(_ path: String) throws -> P256.Signing.PrivateKey? {
        guard let bytes = try DurableFile.read(path) else { return nil }
        return try? P256.Signing.PrivateKey(
            pemRepresentation: String(decoding: bytes, as: UTF8.self))
    }

    private static func holds(_ path: String, _ publicKey: [UInt8]) throws -> Bool {
        try signingKey(path).map { Array($0.publicKey.derRepresentation) } == publicKey
    }

    private func write(_ text: String, to path: String) throws {
        try FileManager.default.createDirectory(
            atPath: DurableFile.parent(path), withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        try DurableFile.write(Array(text.utf8), to: path)
    }

    private func move(_ path: String, to place: String) throws {
        guard unsafe rename(path, place) == 0 else {
            throw DurableFile.failure("cannot write \(place)")
        }
        // Before the next step: after a power cut there is never a certificate without its key.
        try DurableFile.syncFolder(DurableFile.parent(place))
    }
}
