import Glibc

/// How much room the disk under a folder has, in bytes.
struct DiskSpace: Hashable, Sendable {
    /// What this user may still fill.
    let free: UInt64
    /// All of it.
    let total: UInt64

    /// Why a folder cannot be looked at.
    struct Failure: Error {
        let reason: String
    }

    /// Looks; nil when the file system says nonsense, as some in a network do.
    init?(under folder: String) throws(Failure) {
        var facts = statvfs()
        guard unsafe statvfs(folder, &facts) == 0 else {
            throw Failure(reason: unsafe String(cString: strerror(errno)))
        }
        let block = UInt64(facts.f_frsize)
        let free = UInt64(facts.f_bavail).multipliedReportingOverflow(by: block)
        let total = UInt64(facts.f_blocks).multipliedReportingOverflow(by: block)
        if free.overflow || total.overflow { return nil }
        self.free = free.partialValue
        self.total = total.partialValue
    }
}
