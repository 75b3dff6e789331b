import Crypto
import FleetCore
import Foundation
import NIOCore

/// What a file's bytes hash to.
struct FileDigests: Hashable, Sendable {
    /// `sha256:` and hexadecimal digits, for whoever gets the file later.
    let sha256: String
    /// Base64, as the header `Content-MD5` has it: S3 compares it with what has arrived (RFC 1864).
    let md5: String

    /// Reads a file once, piece by piece.
    ///
    /// - Throws: When it cannot be read, or is shorter than that.
    static func of(_ path: String, size: UInt64) async throws -> FileDigests {
        var sha = SHA256()
        var md5 = Insecure.MD5()
        for try await piece in FileChunks(path: path, size: size) {
            sha.update(data: piece.readableBytesView)
            md5.update(data: piece.readableBytesView)
        }
        return FileDigests(
            sha256: "sha256:" + sha.finalize().hexadecimal,
            md5: Data(md5.finalize()).base64EncodedString())
    }
}
