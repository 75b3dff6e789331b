/// The only hosts that webhooks may go to; without any, they may go to every one.
struct WebhookHosts: Sendable {
    private var names: Set<String> = []
    /// With the dot before them.
    private var suffixes: [String] = []

    /// Every host.
    init() {}

    /// Reads the setting `webhooks.hosts`: hosts, and `*.example.org` for all below one.
    init(_ words: [String]) throws(WebhookRefusal) {
        for word in words {
            let isSuffix = word.hasPrefix("*.")
            let name = (isSuffix ? String(word.dropFirst(2)) : word).lowercased()
            if !isSuffix, let address = IPAddress(name) {
                names.insert(address.description)
                continue
            }
            guard let target = try? WebhookTarget("https://\(name)/"), target.host == name,
                target.address == nil
            else { throw WebhookRefusal("`\(word)` is no host, and not like *.example.org") }
            if isSuffix { suffixes.append("." + name) } else { names.insert(name) }
        }
    }

    /// Throws when a webhook may not go to its host.
    func check(_ target: WebhookTarget) throws(WebhookRefusal) {
        if names.isEmpty, suffixes.isEmpty { return }
        guard
            names.contains(target.host) || suffixes.contains(where: { target.host.hasSuffix($0) })
        else {
            throw WebhookRefusal(
                "\(target.host) is none of the hosts in the setting webhooks.hosts")
        }
    }
}
