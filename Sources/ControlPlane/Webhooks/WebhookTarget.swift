import Foundation

/// Why a webhook's address cannot be used, in one sentence.
struct WebhookRefusal: Error, Hashable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// The address of a webhook, taken apart.
struct WebhookTarget: Hashable, Sendable {
    /// The whole of it, put together again from what was read, so that nobody reads it otherwise.
    let url: String
    /// The host's name in lower case, or its address.
    let host: String
    /// Whether it is spoken to with TLS.
    let isSecure: Bool
    /// The address, when the host is one.
    var address: IPAddress? { IPAddress(host) }

    /// The longest address, in bytes.
    static let limit = 2_048

    /// Reads an address, or says what is wrong with it.
    init(_ text: String) throws(WebhookRefusal) {
        guard text.utf8.count <= Self.limit else {
            throw WebhookRefusal("a url may have \(Self.limit) bytes at most")
        }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x5C }),
            let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            scheme == "https" || scheme == "http", var host = parts.host?.lowercased(),
            !host.isEmpty
        else { throw WebhookRefusal("a url must look like https://example.org/hooks") }
        guard parts.user == nil, parts.password == nil, parts.fragment == nil else {
            throw WebhookRefusal("a url must have no user, password or fragment")
        }
        if let port = parts.port, !(1...65_535).contains(port) {
            throw WebhookRefusal("\(port) is no port")
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if host.contains(":") {
            guard let address = IPAddress(host) else {
                throw WebhookRefusal("\(host.prefix(64)) is no address")
            }
            host = address.description
        } else if let problem = Self.problem(host) {
            throw WebhookRefusal(problem)
        }
        self.host = host
        isSecure = scheme == "https"
        let shown = host.contains(":") ? "[\(host)]" : host
        let port = parts.port.map { ":\($0)" } ?? ""
        let path = parts.percentEncodedPath.isEmpty ? "/" : parts.percentEncodedPath
        let query = parts.percentEncodedQuery.map { "?\($0)" } ?? ""
        url = "\(scheme)://\(shown)\(port)\(path)\(query)"
    }

    /// What is wrong with a host's name; nil when nothing is.
    private static func problem(_ host: String) -> String? {
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        let isName =
            host.utf8.count <= 253
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && !label.hasPrefix("-")
                    && !label.hasSuffix("-")
                    && label.utf8.allSatisfy { byte in
                        (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
                            || byte == 0x2D || byte == 0x5F
                    }
            }
        guard isName, let last = labels.last else {
            return "`\(host.prefix(64))` is no name of a host"
        }
        // `0x7f.1`, `017700000001` and `2130706433` are all 127.0.0.1 for those who resolve them.
        let isNumber = last.first?.isNumber == true && Self.number(last)
        guard isNumber, IPAddress(host) == nil else { return nil }
        return "write `\(host.prefix(64))` as a name, or as an address of four decimal numbers"
    }

    private static func number(_ label: Substring) -> Bool {
        if label.hasPrefix("0x") { return label.dropFirst(2).allSatisfy(\.isHexDigit) }
        return label.allSatisfy { ("0"..."9").contains($0) }
    }
}

/// Where webhooks may go: anywhere in the public network, and where the settings allow it.
///
/// Where `webhooks.hosts` has any, only to these of them.
struct WebhookRules: Sendable {
    private let only: WebhookHosts
    private let hosts: Set<String>
    private let networks: [AddressRange]

    /// Reads the setting `webhooks.allow`: names of hosts, addresses, and networks such as 10.0.0.0/8.
    init(
        allow: [String] = [], only: WebhookHosts = WebhookHosts()
    ) throws(WebhookRefusal) {
        var hosts: Set<String> = []
        var networks: [AddressRange] = []
        for word in allow {
            if let network = AddressRange(word) {
                networks.append(network)
            } else if let target = try? WebhookTarget("https://\(word)/"),
                target.host == word.lowercased()
            {
                hosts.insert(target.host)
            } else {
                throw WebhookRefusal("`\(word)` is no host, address or network like 10.0.0.0/8")
            }
        }
        self.only = only
        self.hosts = hosts
        self.networks = networks
    }

    /// Throws when a webhook cannot go there, whatever its host's address is.
    func check(_ target: WebhookTarget) throws(WebhookRefusal) {
        if let address = target.address { return _ = try choose(target, among: [address]) }
        try only.check(target)
        if !target.isSecure, !hosts.contains(target.host), networks.isEmpty {
            throw Self.needsTLS(target)
        }
    }

    /// The address to connect to, among all that the host has; with each try the next one.
    func choose(
        _ target: WebhookTarget, among addresses: [IPAddress], attempt: Int = 0
    ) throws(WebhookRefusal) -> IPAddress {
        try only.check(target)
        guard !addresses.isEmpty else { throw WebhookRefusal("\(target.host) has no address") }
        for address in addresses where !isAllowed(target.host, address) {
            if let kind = address.special {
                let place = target.address == nil ? "\(target.host) is at \(address)" : "\(address)"
                throw WebhookRefusal(
                    "\(place), \(kind); list it in the setting webhooks.allow if that is meant")
            }
            if !target.isSecure { throw Self.needsTLS(target) }
        }
        return addresses[abs(attempt % addresses.count)]
    }

    private func isAllowed(_ host: String, _ address: IPAddress) -> Bool {
        hosts.contains(host) || networks.contains { $0.contains(address) }
    }

    private static func needsTLS(_ target: WebhookTarget) -> WebhookRefusal {
        WebhookRefusal(
            "use https: http is for hosts in the setting webhooks.allow, and \(target.host) is not")
    }
}
