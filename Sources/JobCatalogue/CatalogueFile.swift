import Glibc

/// The file of a catalogue, for its owner only: inputs are private.
enum CatalogueFile {
    /// Makes the file unless it is there.
    static func make(_ path: String) throws {
        let file = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw Failure(path: path, code: errno) }
        Glibc.close(file)
    }

    /// Removes the file and those that SQLite keeps beside it.
    static func remove(_ path: String) throws {
        for suffix in ["", "-wal", "-shm"] where unsafe unlink(path + suffix) != 0 {
            if errno != ENOENT { throw Failure(path: path + suffix, code: errno) }
        }
    }

    /// What the system said of a file.
    struct Failure: Error, CustomStringConvertible {
        let path: String
        let code: Int32
        var description: String { "\(path): \(unsafe String(cString: strerror(code)))" }
    }
}
