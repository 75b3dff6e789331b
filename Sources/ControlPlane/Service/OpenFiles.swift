import Glibc

/// Who may have how many of the files and connections that this process may have open.
///
/// What is left, a quarter, is for agents, the store, and the files that are read and written.
struct OpenFiles {
    /// Streams, followed logs and waiting requests, of all callers.
    let readers: Int
    /// Connections by HTTPS: more than readers, so that one reader too many is told so and does not just wait.
    let secure: Int
    /// Connections to the local socket, whose readers are a tenth at most: the administrator gets in, whatever happens
    /// at the port.
    let local: Int

    /// Shares out so many.
    init(of all: Int) {
        readers = min(EventFeed.readerLimit, all / 2)
        secure = all / 8 * 5
        local = all / 8
    }

    /// Raises the limit as far as it goes without being root, and shares that out.
    static func raise() -> OpenFiles { OpenFiles(of: raised()) }

    private static func raised() -> Int {
        var limit = rlimit()
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard unsafe getrlimit(kind, &limit) == 0 else { return usual }
        if limit.rlim_cur < limit.rlim_max {
            var wanted = limit
            wanted.rlim_cur = limit.rlim_max
            if unsafe setrlimit(kind, &wanted) == 0 { limit = wanted }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Where the limit cannot be read it is what it always was.
    private static let usual = 1_024
}
