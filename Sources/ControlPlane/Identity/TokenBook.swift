import Crypto
package import FleetCore
import Foundation
import Synchronization

/// Every token that is let in: the administrator's, and those that were made.
package final class TokenBook: Sendable {
    private let administrator: TokenFile
    private let records: Mutex<[String: TokenRecord]>

    /// Begins with what is stored.
    package init(administrator: TokenFile, stored: [TokenRecord]) {
        self.administrator = administrator
        records = Mutex(
            Dictionary(stored.map { ($0.digest, $0) }, uniquingKeysWith: { $1 }))
    }

    /// Where the administrator's token is kept.
    var path: String { administrator.path }

    /// Takes what a batch has stored.
    package func update(new: [TokenRecord], gone: [TokenName]) {
        guard !new.isEmpty || !gone.isEmpty else { return }
        records.withLock { records in
            // One that was removed and made anew in one batch is new only.
            let void = Set(gone + new.map(\.name))
            records = records.filter { !void.contains($0.value.name) }
            for record in new { records[record.digest] = record }
        }
    }

    /// Who shows this token; nil for nobody.
    func caller(_ token: String, at now: Instant) -> Caller? {
        if administrator.accepts(token) { return Caller(submitter: "admin", role: .admin) }
        // Looked up by its digest: how long that takes says nothing of a token.
        guard let record = records.withLock({ $0[Self.digest(of: token)] }) else { return nil }
        if let end = record.expiresAt, end <= now { return nil }
        return Caller(submitter: record.submitter, role: record.role)
    }

    /// A new token of 256 random bits.
    static func make() -> String {
        let key = SymmetricKey(size: .bits256)
        let text = unsafe key.withUnsafeBytes { bytes in unsafe bytes.hexadecimal }
        return "fct_\(text)"
    }

    /// What is kept of a token.
    static func digest(of token: String) -> String {
        SHA256.hash(data: Data(token.utf8)).hexadecimal
    }
}
