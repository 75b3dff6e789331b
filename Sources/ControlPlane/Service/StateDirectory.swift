import Foundation
import Glibc

/// The folder where a controller keeps what is its own.
package struct StateDirectory: Sendable {
    /// Its path.
    package let path: String

    /// Opens the folder, or makes it for its owner only.
    package init(_ path: String) throws {
        self.path = path
        do {
            try SecretFile.makeDirectory(path)
        } catch {
            throw StartError("cannot use the state folder \(path): \(error.localizedDescription)")
        }
        guard unsafe access(path, W_OK) == 0 else {
            throw StartError("the state folder \(path) is not writable by this user")
        }
    }

    /// Certificates and keys of the fleet's authority.
    package var authority: String { path + "/authority" }
    /// The local admin socket.
    package var socket: String { path + "/controller.sock" }
    /// The administrator's token.
    package var token: String { path + "/admin.token" }
    /// The controller's own Redis.
    package var redis: String { path + "/redis" }
    /// The list of all jobs; made anew from Redis when it is gone.
    package var catalogue: String { path + "/catalogue.sqlite" }
    /// Outputs, when no S3 is named.
    package var objects: String { path + "/objects" }
    /// Logs of attempts.
    package var logs: String { path + "/logs" }
    /// A backup on its way to the object store, or from it.
    package var backup: String { path + "/backup.part" }
    /// The secret that signs URLs of the embedded store.
    package var signingSecret: String { path + "/objects.secret" }

    /// Opens the signing secret, or makes one.
    func secret() throws -> [UInt8] {
        if let text = try SecretFile.read(signingSecret) {
            return Array(text.trimmingCharacters(in: .whitespacesAndNewlines).utf8)
        }
        let text = (0..<8).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
        try SecretFile.write(text, to: signingSecret)
        return Array(text.utf8)
    }
}

/// Why the controller cannot start: one sentence, and what to do where that is known.
package struct StartError: Error, CustomStringConvertible {
    /// The sentence.
    package let description: String
    /// Creates an error.
    package init(_ description: String) { self.description = description }
}
