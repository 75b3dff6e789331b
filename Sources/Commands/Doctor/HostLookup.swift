import Foundation
import Glibc
import NIOCore

/// Looks a host up as every program of this machine does.
enum HostLookup {
    /// What came of it.
    enum Outcome: Sendable {
        /// All addresses, best first.
        case found([SocketAddress])
        /// Why there is none.
        case failed(String)
    }

    /// Looks; nil when nobody says it in time.
    static func addresses(
        of host: String, port: Int, within patience: Duration
    ) async -> Outcome? {
        await inTime(patience) { out in
            // On a thread of its own, which comes back when the network's servers of names let it.
            Thread.detachNewThread { out.yield(Self.lookUp(host, port)) }
        }
    }

    private static func lookUp(_ host: String, _ port: Int) -> Outcome {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else { return .failed(unsafe String(cString: gai_strerror(code))) }
        defer { unsafe freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let code = unsafe getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil,
                0, NI_NUMERICHOST)
            let name = String(
                decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if code == 0, let address = try? SocketAddress(ipAddress: name, port: port),
                !found.contains(address)
            {
                found.append(address)
            }
            unsafe next = entry.pointee.ai_next
        }
        return found.isEmpty ? .failed("nothing but addresses of another kind") : .found(found)
    }
}
