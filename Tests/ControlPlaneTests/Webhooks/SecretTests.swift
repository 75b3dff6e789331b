import Crypto
import Foundation
import Testing

@testable import ControlPlane

@Suite("Secrets of webhooks")
struct SecretTests {
    @Test("A signature is what the libraries of Standard Webhooks expect")
    func vector() throws {
        // Of the test suite of the reference implementations.
        let secret = WebhookSecret(
            bytes: try #require(Data(base64Encoded: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")))
        let signature = secret.signature(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330,
            body: Data(#"{"test": 2432232314}"#.utf8))
        #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test("A secret is of 32 random bytes, and is not printed by mistake")
    func text() throws {
        let secret = WebhookSecret()
        #expect(secret.text.hasPrefix("whsec_"))
        let bytes = try #require(Data(base64Encoded: String(secret.text.dropFirst(6))))
        #expect(bytes.count == 32)
        #expect("\(secret)" == "whsec_…")
        #expect(WebhookSecret().text != secret.text)
    }

    @Test("What is sealed opens with the same key for the same webhook only")
    func sealing() throws {
        let key = SymmetricKey(size: .bits256)
        let secret = WebhookSecret()
        let sealed = try secret.sealed(with: key, for: "a")
        #expect(!sealed.contains(secret.text.dropFirst(6)))
        #expect(WebhookSecret(sealed: sealed, with: key, for: "a")?.text == secret.text)
        #expect(WebhookSecret(sealed: sealed, with: key, for: "b") == nil)
        #expect(WebhookSecret(sealed: sealed, with: SymmetricKey(size: .bits256), for: "a") == nil)
        #expect(WebhookSecret(sealed: "AAAA", with: key, for: "a") == nil)
        #expect(WebhookSecret(sealed: "?", with: key, for: "a") == nil)
    }

    @Test("The key comes from the authority, the same for each controller that has it")
    func authority() throws {
        let folder = NSTemporaryDirectory() + "jessica-key-\(UInt32.random(in: .min ... .max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let first = try Authority(directory: folder).key(for: "webhooks")
        #expect(try Authority(directory: folder).key(for: "webhooks") == first)
        #expect(try Authority(directory: folder).key(for: "other") != first)
        #expect(try Authority(directory: folder + "/2").key(for: "webhooks") != first)
    }
}
