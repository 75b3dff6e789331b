import Foundation
import Glibc

/// Tells systemd how the service is doing, when systemd runs it (sd_notify's datagram protocol).
package enum ServiceNotifier {
    /// The service is ready for its callers.
    package static func ready() { send("READY=1") }
    /// The service begins to stop.
    package static func stopping() { send("STOPPING=1") }

    private static func send(_ text: String) {
        guard let path = ProcessInfo.processInfo.environment["NOTIFY_SOCKET"], !path.isEmpty,
            path.utf8.count < 108
        else { return }
        let file = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { return }
        defer { close(file) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        // An abstract socket's name begins with a zero byte, which systemd writes as `@`.
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let message = Array(text.utf8)
        _ = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe message.withUnsafeBytes {
                    unsafe sendto(file, $0.baseAddress, $0.count, 0, address, length)
                }
            }
        }
    }
}
