import Crypto
import Foundation

/// What a webhook's deliveries are signed with, as Standard Webhooks says.
struct WebhookSecret: Sendable, CustomStringConvertible {
    private let key: SymmetricKey

    /// A new secret of 256 random bits.
    init() { key = SymmetricKey(size: .bits256) }

    /// Takes the bytes of a secret.
    init(bytes: Data) { key = SymmetricKey(data: bytes) }

    /// Opens what was sealed; nil when it was sealed with another key, or for another webhook.
    init?(sealed text: String, with key: SymmetricKey, for id: String) {
        guard let data = Data(base64Encoded: text),
            let box = try? AES.GCM.SealedBox(combined: data),
            let secret = try? AES.GCM.open(box, using: key, authenticating: Data(id.utf8))
        else { return nil }
        self.init(bytes: secret)
    }

    /// How it is kept: nobody can read it without the key, or take it for another webhook's.
    func sealed(with key: SymmetricKey, for id: String) throws -> String {
        let box = try AES.GCM.seal(bytes, using: key, authenticating: Data(id.utf8))
        guard let combined = box.combined else { throw IdentityError("a secret cannot be sealed") }
        return combined.base64EncodedString()
    }

    /// How it is shown, once.
    var text: String { "whsec_" + bytes.base64EncodedString() }
    /// What is printed of it by mistake.
    var description: String { "whsec_…" }

    private var bytes: Data { unsafe key.withUnsafeBytes { bytes in unsafe Data(bytes) } }

    /// The value of `webhook-signature`.
    func signature(id: String, timestamp: Int64, body: Data) -> String {
        var text = Data("\(id).\(timestamp).".utf8)
        text.append(body)
        let code = HMAC<SHA256>.authenticationCode(for: text, using: key)
        return "v1," + Data(code).base64EncodedString()
    }
}
