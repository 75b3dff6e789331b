import Crypto
import FleetCore
import Foundation
import Glibc

/// What an agent keeps on its disk, and where.
struct StateFolder: Sendable {
    /// The folder.
    let path: String

    /// What must survive the agent.
    var journal: String { path + "/journal.json" }
    /// When the lease was last renewed.
    var lease: String { path + "/lease" }
    /// How much memory the idle machine uses.
    var memory: String { path + "/memory" }
    /// How often the agent has started.
    var starts: String { path + "/incarnation" }
    /// The outputs of attempts, a folder each.
    var attempts: String { path + "/attempts" }
    /// The images that were pulled.
    var images: String { path + "/images.json" }
    /// Where workers report.
    var webhookPort: String { path + "/webhook-port" }
    private var secretFile: String { path + "/secret" }

    /// Opens the folder, or makes it for its owner only.
    init(_ path: String) throws(AgentError) {
        self.path = path
        for folder in [path, path + "/attempts"] {
            do {
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700])
            } catch {
                throw AgentError(
                    .state, "cannot use the state folder \(folder): \(error.localizedDescription)")
            }
        }
        guard unsafe access(path, W_OK) == 0 else {
            throw AgentError(.state, "the state folder \(path) is not writable by this user")
        }
    }

    /// Keeps every other agent out of this folder until it is let go of.
    func takeLock() throws(AgentError) -> FolderLock { try FolderLock(path + "/lock") }

    /// Counts this start, durably, and says which life this is.
    func beginIncarnation() throws(AgentError) -> Incarnation {
        let boot = try Self.bootID()
        let text = try DurableFile.read(starts).map { String(decoding: $0, as: UTF8.self) } ?? "0"
        guard let before = UInt64(text.trimmingCharacters(in: .whitespacesAndNewlines)),
            before < .max
        else {
            throw AgentError(.state, "\(starts) does not hold a number; remove it to begin anew")
        }
        let life = Incarnation(boot: boot, after: before, upFor: Self.uptime())
        try DurableFile.write(Array("\(life.starts)\n".utf8), to: starts)
        return life
    }

    /// How long the machine has been up, its sleep included.
    static func uptime() -> Duration {
        var time = timespec()
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// The kernel's name for this boot.
    static func bootID() throws(AgentError) -> String {
        guard let bytes = try DurableFile.read("/proc/sys/kernel/random/boot_id") else {
            throw AgentError(.machine, "/proc/sys/kernel/random/boot_id is missing")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The key that webhook addresses are made from; the same in every life of the agent.
    func secret() throws(AgentError) -> SymmetricKey {
        if let bytes = try DurableFile.read(secretFile), bytes.count >= 32 {
            return SymmetricKey(data: bytes)
        }
        let key = SymmetricKey(size: .bits256)
        let bytes = unsafe key.withUnsafeBytes { unsafe [UInt8]($0) }
        try DurableFile.write(bytes, to: secretFile)
        return key
    }
}

/// An exclusive lock on a folder; the kernel drops it when its holder ends, however that happens.
struct FolderLock: ~Copyable {
    private let descriptor: Int32

    init(_ path: String) throws(AgentError) {
        let file = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw DurableFile.failure("cannot use \(path)") }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let taken = errno == EWOULDBLOCK
            let error = DurableFile.failure("cannot lock \(path)")
            close(file)
            guard taken else { throw error }
            throw AgentError(.locked, "another agent is using \(DurableFile.parent(path))")
        }
        descriptor = file
    }

    deinit { close(descriptor) }
}
