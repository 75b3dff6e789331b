import Glibc

/// Small files written whole or not at all.
enum DurableFile {
    /// The largest file that is read, in bytes.
    static let bytesMax = 256 << 20

    /// Writes a file in place of any that was there; with `synced` it survives a power cut.
    static func write(
        _ bytes: [UInt8], to path: String, synced: Bool = true
    ) throws(AgentError) {
        let temporary = path + ".new"
        do throws(AgentError) {
            try put(bytes, temporary, synced: synced)
            guard unsafe rename(temporary, path) == 0 else { throw failure("cannot write \(path)") }
        } catch {
            _ = unsafe unlink(temporary)
            throw error
        }
        if synced { try syncFolder(parent(path)) }
    }

    private static func put(_ bytes: [UInt8], _ path: String, synced: Bool) throws(AgentError) {
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("cannot write \(path)") }
        defer { close(file) }
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(
                    file, $0.baseAddress?.advanced(by: written), $0.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("cannot write \(path)") }
            written += count
        }
        if synced, fsync(file) != 0 { throw failure("cannot write \(path)") }
    }

    /// A file's bytes; nil when there is none.
    static func read(_ path: String) throws(AgentError) -> [UInt8]? {
        let file = unsafe open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("cannot read \(path)")
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = unsafe piece.withUnsafeMutableBytes {
                unsafe Glibc.read(file, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("cannot read \(path)") }
            if count == 0 { return bytes }
            bytes += piece.prefix(count)
            guard bytes.count <= bytesMax else {
                throw AgentError(.state, "\(path) is larger than \(bytesMax >> 20) MiB")
            }
        }
    }

    /// Makes what was renamed or removed in a folder survive a power cut.
    static func syncFolder(_ path: String) throws(AgentError) {
        let folder = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw failure("cannot open \(path)") }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw failure("cannot sync \(path)") }
    }

    /// Makes a file's content survive a power cut.
    static func syncFile(_ path: String) throws(AgentError) {
        let file = unsafe open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else { throw failure("cannot open \(path)") }
        defer { close(file) }
        guard fsync(file) == 0 else { throw failure("cannot sync \(path)") }
    }

    /// The folder a path is in.
    static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    /// An error with the system's words, and whether the disk is full.
    static func failure(_ what: String) -> AgentError {
        let number = errno
        let isFull = number == ENOSPC || number == EDQUOT
        return AgentError(
            isFull ? .diskFull : .state, "\(what): \(unsafe String(cString: strerror(number)))")
    }
}
