import Glibc

/// An open file or directory, closed when nobody holds it any more.
final class Descriptor: Sendable {
    let number: Int32

    init(owning number: Int32) { self.number = number }
    deinit { close(number) }
}

/// System calls on descriptors.
///
/// Nothing here follows a symbolic link, in any part of a path.
enum FolderFiles {
    static let directoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    // Not blocking, so that a named pipe somebody put there cannot hold us.
    static let readFlags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
    static let createFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC

    /// The error that `errno` stands for just after a failed call.
    static func failure(_ what: String) -> ObjectStoreError {
        let code = errno
        let text = "\(what): \(unsafe String(cString: strerror(code)))."
        switch code {
        case ENOENT: return ObjectStoreError(.notFound, text)
        case ENOSPC, EDQUOT, EFBIG: return ObjectStoreError(.noSpace, text)
        case ENOTDIR, EISDIR, EEXIST, ENOTEMPTY: return ObjectStoreError(.conflict, text)
        case EACCES, EPERM, EROFS: return ObjectStoreError(.accessDenied, text)
        default: return ObjectStoreError(.io, text)
        }
    }

    /// Makes one directory of the root's path; it may be there already.
    static func makePath(_ path: String) throws(ObjectStoreError) {
        guard unsafe mkdir(path, 0o750) != 0, errno != EEXIST else { return }
        // On a read-only parent that exists, mkdir fails with another code; opening tells.
        let code = errno
        if (try? openRoot(path)) != nil { return }
        errno = code
        throw failure("Making folder \(path)")
    }

    static func openRoot(_ path: String) throws(ObjectStoreError) -> Descriptor {
        // The operator may name a link to the folder; only what is below must be ours.
        let number = retrying { unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard number >= 0 else { throw failure("Opening \(path)") }
        return Descriptor(owning: number)
    }

    static func open(
        _ name: String, in folder: Descriptor, _ flags: Int32
    ) throws(ObjectStoreError) -> Descriptor {
        let number = retrying { unsafe openat(folder.number, name, flags, 0o640) }
        guard number >= 0 else {
            // O_NOFOLLOW on a link: ELOOP, or ENOTDIR when a directory was wanted.
            if errno == ELOOP {
                throw ObjectStoreError(.io, "Opening \(name): it is a symbolic link.")
            }
            throw failure("Opening \(name)")
        }
        return Descriptor(owning: number)
    }

    /// Opens a directory below another, making it if asked to.
    static func directory(
        _ name: String, in folder: Descriptor, make: Bool
    ) throws(ObjectStoreError) -> Descriptor {
        if make {
            if unsafe mkdirat(folder.number, name, 0o750) == 0 {
                // Else a power cut could take the folder with the object that was reported as
                // stored.
                try sync(folder)
            } else if errno != EEXIST {
                throw failure("Making folder \(name)")
            }
        }
        do {
            return try open(name, in: folder, directoryFlags)
        } catch {
            guard error.code == .conflict, isLink(name, in: folder) else { throw error }
            throw ObjectStoreError(.io, "Opening \(name): it is a symbolic link.")
        }
    }

    /// What is known of a plain file.
    struct Facts {
        let size: Int
        let etag: String
        /// When it was last written, in seconds since 1970.
        let modified: Int

        fileprivate init(_ status: stat) {
            let time = status.st_mtim
            size = Int(status.st_size)
            etag = "\(status.st_size)-\(status.st_ino)-\(time.tv_sec).\(time.tv_nsec)"
            modified = time.tv_sec
        }
    }

    /// What is known of a plain file; throws `io` for anything else.
    static func facts(_ file: Descriptor) throws(ObjectStoreError) -> Facts {
        var status = stat()
        guard unsafe fstat(file.number, &status) == 0 else { throw failure("Looking at a file") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ObjectStoreError(.io, "That is not a plain file.")
        }
        return Facts(status)
    }

    static func write(_ bytes: [UInt8], to file: Descriptor) throws(ObjectStoreError) {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                let part = unsafe UnsafeRawBufferPointer(rebasing: buffer[done...])
                return retrying { unsafe Glibc.write(file.number, part.baseAddress, part.count) }
            }
            guard count > 0 else { throw failure("Writing") }
            done += count
        }
    }

    /// Up to `count` bytes from that offset; fewer only at the end of the file.
    static func read(
        _ file: Descriptor, at offset: Int, count: Int
    ) throws(ObjectStoreError) -> [UInt8] {
        var failed = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            while initialized < count {
                let part = unsafe UnsafeMutableBufferPointer(rebasing: buffer[initialized...])
                let got = retrying {
                    unsafe pread(
                        file.number, part.baseAddress, part.count, off_t(offset + initialized))
                }
                if got <= 0 {
                    failed = got < 0
                    return
                }
                initialized += got
            }
        }
        if failed { throw failure("Reading") }
        return bytes
    }

    static func sync(_ file: Descriptor) throws(ObjectStoreError) {
        guard retrying({ fsync(file.number) }) == 0 else { throw failure("Saving to disk") }
    }

    static func rename(
        _ name: String, in folder: Descriptor, to newName: String, in newFolder: Descriptor
    ) throws(ObjectStoreError) {
        guard unsafe renameat(folder.number, name, newFolder.number, newName) == 0 else {
            throw failure("Putting \(newName) in its place")
        }
    }

    /// False when there was none.
    @discardableResult
    static func remove(
        _ name: String, in folder: Descriptor, directory: Bool = false
    ) throws(ObjectStoreError) -> Bool {
        if unsafe unlinkat(folder.number, name, directory ? AT_REMOVEDIR : 0) == 0 { return true }
        if errno == ENOENT { return false }
        throw failure("Removing \(name)")
    }

    enum Kind { case file(Facts), directory, other }

    /// Everything in a directory but "." and "..".
    static func entries(_ folder: Descriptor) throws(ObjectStoreError) -> [(
        name: String, kind: Kind
    )] {
        // fdopendir takes the descriptor over, and moves its position: so it gets one of its own.
        let own = retrying { unsafe openat(folder.number, ".", directoryFlags) }
        guard own >= 0, let handle = unsafe fdopendir(own) else {
            if own >= 0 { close(own) }
            throw failure("Reading a folder")
        }
        defer { unsafe closedir(handle) }
        var found: [(name: String, kind: Kind)] = []
        while let entry = unsafe readdir(handle) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name == "." || name == ".." { continue }
            found.append((name, kind(name, in: folder)))
        }
        return found
    }

    private static func kind(_ name: String, in folder: Descriptor) -> Kind {
        var status = stat()
        guard unsafe fstatat(folder.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            return .other
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file(Facts(status))
        case S_IFDIR: return .directory
        default: return .other
        }
    }

    private static func isLink(_ name: String, in folder: Descriptor) -> Bool {
        var status = stat()
        guard unsafe fstatat(folder.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            return false
        }
        return status.st_mode & S_IFMT == S_IFLNK
    }

    /// Repeats a call that a signal interrupted.
    private static func retrying<T: SignedInteger>(_ call: () -> T) -> T {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }
}
