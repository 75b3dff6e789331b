import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// An exclusive lock on a file, held as long as this value lives or a child has inherited it.
///
/// The kernel drops it when its last holder ends, however that happens: there are no stale locks.
struct FileLock: ~Copyable {
    let descriptor: CInt

    /// Takes the lock; nil when somebody else holds it, `server` when the file cannot be used.
    static func take(_ path: String) throws(RedisStoreError) -> FileLock? {
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw RedisStoreError(.server, "cannot write \(path): \(errnoText(errno))")
        }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return FileLock(descriptor: descriptor) }
        let code = errno
        close(descriptor)
        if code == EWOULDBLOCK { return nil }
        throw RedisStoreError(.server, "cannot lock \(path): \(errnoText(code))")
    }

    private init(descriptor: CInt) {
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }
}

/// The last lines of a log, for error messages.
func logTail(_ path: String, lines: Int = 5) -> String {
    let bytes: UInt64 = 4_096
    guard let file = FileHandle(forReadingAtPath: path) else { return "no log at \(path)" }
    defer { try? file.close() }
    let size = (try? file.seekToEnd()) ?? 0
    try? file.seek(toOffset: size > bytes ? size - bytes : 0)
    let data = (try? file.readToEnd()) ?? Data()
    let text = String(decoding: data, as: UTF8.self)
    return text.split(separator: "\n").suffix(lines).joined(separator: " | ")
}
