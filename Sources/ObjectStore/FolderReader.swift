import NIOCore
import NIOPosix

/// Reads a part of one file, piece by piece, away from the threads that must not wait.
final class FolderReader: Sendable {
    static let pieceBytes = 256 << 10

    let range: Range<Int>
    private let file: Descriptor

    init(_ file: Descriptor, range: Range<Int>) {
        self.file = file
        self.range = range
    }

    /// The piece that starts there; nil at the end of the range.
    ///
    /// Throws `lengthMismatch` when the file got shorter.
    func read(at offset: Int) async throws(ObjectStoreError) -> ByteBuffer? {
        guard range.contains(offset) else { return nil }
        let count = min(Self.pieceBytes, range.upperBound - offset)
        let file = self.file
        let bytes = try await Blocking.run { () throws(ObjectStoreError) in
            try FolderFiles.read(file, at: offset, count: count)
        }
        guard bytes.count == count else {
            throw ObjectStoreError(.lengthMismatch, "The file got shorter while it was read.")
        }
        return ByteBuffer(bytes: bytes)
    }
}

/// Runs calls that may wait for a disk on threads that are there for it.
enum Blocking {
    static func run<T: Sendable>(
        _ body: @escaping @Sendable () throws(ObjectStoreError) -> T
    ) async throws(ObjectStoreError) -> T {
        do {
            return try await NIOThreadPool.singleton.runIfActive { try body() }
        } catch let error as ObjectStoreError {
            throw error
        } catch {
            throw ObjectStoreError(.cancelled, "The request to the storage was cancelled.")
        }
    }
}
