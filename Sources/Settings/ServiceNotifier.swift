import FoundationEssentials
import Glibc

/// Tells systemd how a service is doing, when systemd runs it (sd_notify's datagram protocol).
///
/// Here because systemd's wishes come in the environment, as settings do, and both services share this.
package struct ServiceNotifier: Sendable {
    private let socketPath: String?
    /// How often the service says that it is alive, half of what systemd allows; nil when it does not ask.
    package let watchdog: Duration?

    /// Reads what systemd asks for.
    package init(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        processID: Int32 = getpid()
    ) {
        let path = environment["NOTIFY_SOCKET"]
        socketPath = path.flatMap { (1..<108).contains($0.utf8.count) ? $0 : nil }
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        // A child of the watched process inherits the variables, but nobody watches it.
        let isMeant = environment["WATCHDOG_PID"].map { $0 == "\(processID)" } ?? true
        watchdog = microseconds > 0 && isMeant ? .microseconds(microseconds / 2) : nil
    }

    /// The service is ready for its callers; `status` says in a line how.
    package func ready(_ status: String) {
        send("READY=1\nSTATUS=\(Self.line(status))", isDispensable: false)
    }
    /// What `systemctl status` shows of the service.
    package func status(_ text: String) { send("STATUS=\(Self.line(text))", isDispensable: true) }
    /// The service begins to stop.
    package func stopping() { send("STOPPING=1", isDispensable: false) }
    /// The service is alive.
    package func alive() { send("WATCHDOG=1", isDispensable: true) }

    /// A line break would begin another assignment.
    private static func line(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }

    /// Sends a message; one that is dispensable is dropped rather than waited with.
    private func send(_ text: String, isDispensable: Bool) {
        guard let socketPath else { return }
        let file = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { return }
        defer { close(file) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(socketPath.utf8)
        // An abstract socket's name begins with a zero byte, which systemd writes as `@`.
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let message = Array(text.utf8)
        let flags = Int32(isDispensable ? MSG_NOSIGNAL | MSG_DONTWAIT : MSG_NOSIGNAL)
        _ = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe message.withUnsafeBytes {
                    unsafe sendto(file, $0.baseAddress, $0.count, flags, address, length)
                }
            }
        }
    }
}
