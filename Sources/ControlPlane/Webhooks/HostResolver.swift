import Glibc
import NIOPosix

/// Looks up the addresses of hosts as the system does, on threads of its own.
enum HostResolver {
    /// For names to deliver to, looked up at once; each webhook has one lookup on its way at most.
    static let couriers = pool(4)
    /// For those who only want to know whether there are any, and may have to wait for each other.
    static let lookers = pool(3)

    private static func pool(_ threads: Int) -> NIOThreadPool {
        let pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
        return pool
    }

    /// All addresses of a host, best first.
    static func addresses(
        of host: String, on threads: NIOThreadPool = couriers
    ) async throws -> [IPAddress] {
        if let address = IPAddress(host) { return [address] }
        return try await threads.runIfActive { try lookUp(host) }
    }

    private static func lookUp(_ host: String) throws -> [IPAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else {
            throw WebhookRefusal(
                "\(host) cannot be resolved: \(unsafe String(cString: gai_strerror(code)))")
        }
        defer { unsafe freeaddrinfo(list) }
        var found: [IPAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let code = unsafe getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil,
                0, NI_NUMERICHOST)
            let name = String(
                decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            // Of a link-local address the interface stands behind a %.
            if code == 0, let plain = name.split(separator: "%").first,
                let address = IPAddress(String(plain)), !found.contains(address)
            {
                found.append(address)
            }
            unsafe next = entry.pointee.ai_next
        }
        return found
    }
}
