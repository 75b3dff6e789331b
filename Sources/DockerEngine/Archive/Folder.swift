import FoundationEssentials
import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// An open file descriptor, closed when it is let go of.
struct Descriptor: ~Copyable {
    let number: Int32

    deinit { _ = close(number) }

    /// Writes all readable bytes.
    func write(_ bytes: ByteBuffer) throws(DockerError) {
        var rest = bytes
        while rest.readableBytes > 0 {
            let written = unsafe rest.withUnsafeReadableBytes { unsafe Self.write(number, $0) }
            if written < 0 {
                guard errno == EINTR else { throw Folder.failure("writing a file", errno) }
                continue
            }
            rest.moveReaderIndex(forwardBy: written)
        }
    }

    private static func write(_ number: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            unsafe Glibc.write(number, bytes.baseAddress, bytes.count)
        #elseif canImport(Musl)
            unsafe Musl.write(number, bytes.baseAddress, bytes.count)
        #else
            unsafe Darwin.write(number, bytes.baseAddress, bytes.count)
        #endif
    }
}

/// A folder that files are written below, by descriptor and never through a link.
///
/// Even if something else changed the tree meanwhile, no step leaves the folder: every component
/// is opened relative to its parent, refusing links and what is more than one name.
struct Folder: ~Copyable {
    private let descriptor: Descriptor

    /// Opens an existing folder.
    init(path: String) throws(DockerError) {
        let number = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw Self.failure("opening the folder \(path)", errno) }
        descriptor = Descriptor(number: number)
    }

    private init(_ number: Int32) {
        descriptor = Descriptor(number: number)
    }

    /// Makes the folders of a path below this one, as far as they are missing.
    func makeFolders(_ components: some Sequence<String>) throws(DockerError) {
        _ = try descend(components)
    }

    /// Creates a new file below this folder, with the folders above it.
    ///
    /// - Throws: `.archiveRejected` when something of that name is there.
    func createFile(_ components: [String]) throws(DockerError) -> Descriptor {
        guard let name = components.last else {
            throw DockerError(.archiveRejected, "a file without a name")
        }
        try Self.check(name)
        let parent = try descend(components.dropLast())
        let number = unsafe openat(
            parent.descriptor.number, name,
            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard number >= 0 else {
            if errno == EEXIST || errno == EISDIR {
                throw DockerError(.archiveRejected, "the archive has a name twice: \(name)")
            }
            throw Self.failure("creating a file", errno)
        }
        return Descriptor(number: number)
    }

    private func descend(_ components: some Sequence<String>) throws(DockerError) -> Folder {
        var current = Folder(try Self.duplicate(descriptor.number))
        for name in components {
            try Self.check(name)
            if unsafe mkdirat(current.descriptor.number, name, 0o755) != 0, errno != EEXIST {
                throw Self.failure("making a folder", errno)
            }
            let number = unsafe openat(
                current.descriptor.number, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard number >= 0 else {
                if errno == ENOTDIR || errno == ELOOP {
                    throw DockerError(
                        .archiveRejected, "the archive puts a file below the file \(name)")
                }
                throw Self.failure("opening a folder", errno)
            }
            current = Folder(number)
        }
        return current
    }

    /// Refuses what the kernel would not take for the name of one thing in this folder.
    private static func check(_ name: String) throws(DockerError) {
        guard !["", ".", ".."].contains(name), !name.utf8.contains(0),
            !name.utf8.contains(UInt8(ascii: "/"))
        else { throw DockerError(.archiveRejected, "not a file's name: \(name)") }
    }

    private static func duplicate(_ number: Int32) throws(DockerError) -> Int32 {
        let copy = fcntl(number, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw failure("opening a folder", errno) }
        return copy
    }

    static func failure(_ what: String, _ number: Int32) -> DockerError {
        let text = POSIXErrorCode(rawValue: number).map { "\($0)" } ?? "errno \(number)"
        let isFull = number == ENOSPC || number == EDQUOT
        return isFull
            ? DockerError(.noSpace, "the disk is full: \(what) failed, no space left (\(text))")
            : DockerError(.other, "\(what) failed: \(text)")
    }
}
