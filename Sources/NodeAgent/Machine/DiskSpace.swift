import Glibc

/// The room on a disk.
enum DiskSpace {
    /// Bytes free for programs where a path is; nil when nothing is there.
    static func free(at path: String) -> UInt64? {
        var facts = statvfs()
        guard !path.isEmpty, unsafe statvfs(path, &facts) == 0 else { return nil }
        let (bytes, overflow) = UInt64(facts.f_bavail).multipliedReportingOverflow(
            by: UInt64(facts.f_frsize))
        return overflow ? nil : bytes
    }
}
