import Glibc

/// Where links lead.
enum RealPath {
    /// The path without any links; nil when it leads nowhere, and `errno` tells why.
    ///
    /// Blocks as long as the file system does.
    static func resolve(_ path: String) -> String? {
        guard let end = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(end) }
        return unsafe String(cString: end)
    }
}
