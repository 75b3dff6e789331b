package import FleetCore
import Foundation
import Glibc
import Synchronization

/// The logs of attempts, one bounded file each, kept after their containers are gone.
package actor LogStore {
    /// Bytes kept of one attempt's log; the rest is dropped with a line that says so.
    package static let limit: UInt64 = 8 << 20
    private let root: String
    private var watchers: [AttemptKey: [UInt64: AsyncStream<Void>.Continuation]] = [:]
    private var lastWatcher: UInt64 = 0

    /// Opens the logs under a folder.
    package init(root: String) throws {
        try SecretFile.makeDirectory(root)
        self.root = root
    }

    /// Where an attempt's log is; nil for a key that is no file name.
    private func path(_ key: AttemptKey) -> String? {
        let name = key.job.rawValue
        guard !name.isEmpty, name.utf8.count <= 64,
            name.utf8.allSatisfy({
                ($0 >= 48 && $0 <= 57) || ($0 >= 65 && $0 <= 90) || ($0 >= 97 && $0 <= 122)
                    || $0 == 45
            })
        else { return nil }
        return "\(root)/\(name)/\(key.number).log"
    }

    /// Appends a piece; what was written before is not written again.
    package func append(_ chunk: LogChunk) {
        guard let path = path(chunk.key) else { return }
        try? SecretFile.makeDirectory((path as NSString).deletingLastPathComponent)
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        defer { close(file) }
        let size = UInt64(clamping: lseek(file, 0, SEEK_END))
        guard size < Self.limit, chunk.offset <= size else { return }
        let known = size - chunk.offset
        guard known < UInt64(chunk.bytes.count) else { return }
        let room = Int(clamping: Self.limit - size)
        let fresh = chunk.bytes.dropFirst(Int(known)).prefix(room)
        _ = unsafe fresh.withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
        if fresh.count == room {
            let note = Array(
                "\n… the log is longer than \(Self.limit >> 20) MiB; the rest is dropped\n".utf8)
            _ = unsafe note.withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
        }
        for watcher in (watchers[chunk.key] ?? [:]).values { watcher.yield() }
    }

    /// Up to `limit` bytes of a log from an offset.
    package func read(_ key: AttemptKey, from offset: UInt64, limit: Int) -> [UInt8] {
        guard let path = path(key) else { return [] }
        let file = unsafe open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { close(file) }
        guard lseek(file, Int(clamping: offset), SEEK_SET) >= 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: max(limit, 0))
        let count = unsafe bytes.withUnsafeMutableBytes {
            unsafe Glibc.read(file, $0.baseAddress, $0.count)
        }
        return count > 0 ? Array(bytes.prefix(count)) : []
    }

    /// A tick with each piece that comes; call `unwatch` when done.
    package func watch(_ key: AttemptKey) -> (id: UInt64, ticks: AsyncStream<Void>) {
        lastWatcher += 1
        let (stream, continuation) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingNewest(1))
        watchers[key, default: [:]][lastWatcher] = continuation
        return (lastWatcher, stream)
    }

    /// Ends a watch.
    package func unwatch(_ key: AttemptKey, _ id: UInt64) {
        watchers[key]?.removeValue(forKey: id)?.finish()
        if watchers[key]?.isEmpty == true { watchers[key] = nil }
    }
}
