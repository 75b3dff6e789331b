package import NIOCore

/// A file that a worker asks for, by an address that stood in its input.
package struct WorkerDownload: Sendable, Equatable {
    /// The secret part of the address, which says whose file this is.
    package let token: String
    /// The last part of the address, made safe like ``NamedOutput/name``.
    package let fileName: String

    package init(token: String, fileName: String) {
        self.token = token
        self.fileName = fileName
    }
}

/// A file for a worker.
package struct WorkerFile: Sendable {
    /// Hands on one piece, and returns when there is room for the next.
    package typealias Taker = (ByteBuffer) async throws -> Void

    /// How many bytes there are.
    package let size: UInt64
    /// Reads it to its end, piece by piece.
    package let read: @Sendable (Taker) async throws -> Void

    package init(size: UInt64, read: @escaping @Sendable (Taker) async throws -> Void) {
        self.size = size
        self.read = read
    }
}
