import Glibc

/// An IP address; one of IPv4 that is written as IPv6 is the same as any other of IPv4.
struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// Four bytes, or sixteen.
    let bytes: [UInt8]

    /// Takes the bytes of an address, four or sixteen.
    init?(bytes: [UInt8]) {
        switch bytes.count {
        case 4: self.bytes = bytes
        case 16 where bytes.prefix(12) == Self.mapped: self.bytes = Array(bytes.suffix(4))
        case 16: self.bytes = bytes
        default: return nil
        }
    }

    /// Reads an address as it is always written: no octal, hexadecimal or shortened forms of IPv4.
    init?(_ text: String) {
        var four = in_addr()
        var sixteen = in6_addr()
        if unsafe inet_pton(AF_INET, text, &four) == 1 {
            self.init(bytes: unsafe withUnsafeBytes(of: four) { unsafe Array($0) })
        } else if unsafe inet_pton(AF_INET6, text, &sixteen) == 1 {
            self.init(bytes: unsafe withUnsafeBytes(of: sixteen) { unsafe Array($0) })
        } else {
            return nil
        }
    }

    private static let mapped: ArraySlice<UInt8> = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]

    /// The address as it is usually written.
    var description: String {
        if bytes.count == 4 { return bytes.map { "\($0)" }.joined(separator: ".") }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let written = unsafe bytes.withUnsafeBytes { bytes in
            unsafe inet_ntop(AF_INET6, bytes.baseAddress, &text, socklen_t(text.count)) != nil
        }
        guard written else { return "?" }
        return String(
            decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// What kind of place it is when nobody in the public network is there; nil for all others.
    var special: String? {
        if bytes.count == 4 { return Self.special4.first { $0.network.contains(self) }?.kind }
        // The IPv4 network as seen through a translator.
        if Self.translated.contains(self), let inner = IPAddress(bytes: Array(bytes.suffix(4))) {
            return inner.special
        }
        if let kind = Self.special6.first(where: { $0.network.contains(self) })?.kind {
            return kind
        }
        return Self.global.contains(self) ? nil : "no public address"
    }

    private static func network(_ text: String) -> AddressRange {
        guard let network = AddressRange(text) else { preconditionFailure("\(text) is no network") }
        return network
    }

    private static let global = network("2000::/3")
    private static let translated = network("64:ff9b::/96")
    private static let special4: [(network: AddressRange, kind: String)] = [
        ("0.0.0.0/8", "this host itself"), ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "a private address"), ("127.0.0.0/8", "a loopback address"),
        ("169.254.0.0/16", "a link-local or metadata address"),
        ("168.63.129.16/32", "a metadata address"), ("172.16.0.0/12", "a private address"),
        ("192.0.0.0/24", "a reserved address"), ("192.0.2.0/24", "a reserved address"),
        ("192.88.99.0/24", "a reserved address"), ("192.168.0.0/16", "a private address"),
        ("198.18.0.0/15", "a private address"), ("198.51.100.0/24", "a reserved address"),
        ("203.0.113.0/24", "a reserved address"), ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
    ].map { (network($0), $1) }
    private static let special6: [(network: AddressRange, kind: String)] = [
        ("::/128", "this host itself"), ("::1/128", "a loopback address"),
        ("fe80::/10", "a link-local address"), ("fec0::/10", "a private address"),
        ("fc00::/7", "a private address"), ("ff00::/8", "a multicast address"),
        ("2001::/23", "a reserved address"), ("2001:db8::/32", "a reserved address"),
        ("2002::/16", "a reserved address"), ("3fff::/20", "a reserved address"),
    ].map { (network($0), $1) }
}

/// Addresses that begin alike: `10.0.0.0/8`, or one address alone.
struct AddressRange: Hashable, Sendable {
    private let base: IPAddress
    private let length: Int

    /// Reads a range; nil when the text is none.
    init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let base = IPAddress(String(first)) else { return nil }
        // Written as IPv6, the length would count from there.
        let bits = base.bytes.count * 8
        guard parts.count == 2 else {
            self.base = base
            length = bits
            return
        }
        guard let length = Int(parts[1]), (0...bits).contains(length),
            parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            first.contains(":") == (bits == 128)
        else { return nil }
        self.base = base
        self.length = length
    }

    /// Whether an address is in it.
    func contains(_ address: IPAddress) -> Bool {
        guard address.bytes.count == base.bytes.count else { return false }
        var left = length
        for (a, b) in zip(address.bytes, base.bytes) {
            if left <= 0 { return true }
            let mask: UInt8 = left >= 8 ? 0xFF : ~(0xFF >> UInt8(left))
            if a & mask != b & mask { return false }
            left -= 8
        }
        return true
    }
}
