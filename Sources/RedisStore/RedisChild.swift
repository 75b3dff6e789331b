import Foundation
import Glibc
import Synchronization

/// A server process we started.
///
/// Its standard input is the locked lock file: the lock lives exactly as long as the process, so a
/// later start can tell "gone" from "busy", "starting" or "hanging" without asking it.
///
/// It is started by `posix_spawn` itself: Foundation's Process lets the child inherit the blocked
/// signals of the calling thread, and a server that cannot receive SIGTERM cannot be stopped.
final class RedisChild: Sendable {
    let pid: pid_t
    private let status = Mutex<CInt?>(nil)

    private init(pid: pid_t) {
        self.pid = pid
    }

    /// Starts the server; the lock passes to it.
    static func spawn(
        program: String, configuration: PrivateRedisConfiguration, lock: consuming FileLock
    ) throws(RedisStoreError) -> RedisChild {
        let log = unsafe open(
            configuration.logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard log >= 0 else {
            throw RedisStoreError(
                .server, "cannot write \(configuration.logPath): \(errnoText(errno))")
        }
        defer { close(log) }
        var pid: pid_t = 0
        // What Redis says before it has read where its log is: a wrong setting, a missing library.
        let code = start(
            program, [program, configuration.configPath], input: lock.descriptor, output: log, &pid)
        // The child has its own copy of the descriptor by now, and with it the lock.
        _ = consume lock
        guard code == 0 else {
            throw RedisStoreError(.server, "cannot start \(program): \(errnoText(code))")
        }
        return RedisChild(pid: pid)
    }

    /// How it ended; nil while it runs.
    var ending: String? {
        let status = status.withLock { status in
            if status == nil { status = Self.reap(pid) }
            return status
        }
        guard let status else { return nil }
        let signal = status & 0x7F
        return signal == 0 ? "status \((status >> 8) & 0xFF)" : "signal \(signal)"
    }

    /// Asks it to save and end.
    ///
    /// Its pid is surely its own: we have not collected its end yet.
    func terminate() {
        status.withLock { status in
            if status == nil { status = Self.reap(pid) }
            if status == nil { _ = kill(pid, SIGTERM) }
        }
    }

    /// Collects the end of a child of this process; nil when it has not ended or is not our child.
    static func reap(_ pid: pid_t) -> CInt? {
        var status: CInt = 0
        return unsafe waitpid(pid, &status, WNOHANG) == pid ? status : nil
    }

    /// Above every descriptor that is open now or opened by other threads in the next moment.
    private static func descriptorBound() -> CInt {
        var limit = rlimit()
        _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        let highest = open.compactMap { CInt($0) }.max() ?? 1_024
        return max(4, min(CInt(clamping: limit.rlim_cur), highest + 256))
    }

    /// Starts a program with no signal blocked or ignored, in its own process group, so that an
    /// interrupt on the terminal reaches only the controller, and with no descriptors but three.
    static func start(
        _ program: String, _ words: [String], input: CInt, output: CInt, _ pid: inout pid_t
    ) -> CInt {
        var files = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&files)
        defer { unsafe _ = posix_spawn_file_actions_destroy(&files) }
        var code = unsafe posix_spawn_file_actions_adddup2(&files, input, 0)
        for target: CInt in [1, 2] where code == 0 {
            code = unsafe posix_spawn_file_actions_adddup2(&files, output, target)
        }
        // A listening socket that the server inherited would keep its port taken after our death.
        for descriptor in 3..<descriptorBound() where code == 0 {
            code = unsafe posix_spawn_file_actions_addclose(&files, descriptor)
        }
        guard code == 0 else { return code }

        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe _ = posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        code = unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
        guard code == 0 else { return code }

        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) }
        unsafe arguments.append(nil)
        defer { unsafe arguments.forEach { unsafe free($0) } }
        return unsafe posix_spawn(&pid, program, &files, &attributes, arguments, environ)
    }
}
