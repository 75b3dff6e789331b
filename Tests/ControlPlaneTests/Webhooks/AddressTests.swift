import Testing

@testable import ControlPlane

@Suite("Where webhooks may go")
struct AddressTests {
    private static func target(_ url: String) -> WebhookTarget? { try? WebhookTarget(url) }

    private static func refusal(
        _ url: String, at addresses: [String], allow: [String] = [], only: [String] = []
    ) -> String? {
        do {
            let rules = try WebhookRules(allow: allow, only: try WebhookHosts(only))
            let target = try WebhookTarget(url)
            try rules.check(target)
            _ = try rules.choose(target, among: addresses.compactMap { IPAddress($0) })
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test(
        "No place that is not public",
        arguments: [
            "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200",
            "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.169.254", "169.254.0.1",
            "168.63.129.16", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1",
            "192.168.0.1",
            "192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7",
            "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
            "::", "::1", "::7f00:1", "fe80::1", "febf::1", "fec0::1", "fc00::1", "fd00:ec2::254",
            "fdff::1", "ff02::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "100::1",
            "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0.0.0.0",
            "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "4000::1", "8000::1",
        ])
    func special(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.special != nil)
        let shown = text.contains(":") ? "[\(text)]" : text
        #expect(Self.refusal("https://\(shown)/", at: [text]) != nil, "as the url's own host")
        #expect(Self.refusal("https://innocent.example/", at: [text]) != nil, "behind a name")
        #expect(
            Self.refusal("https://innocent.example/", at: ["93.184.216.34", text]) != nil,
            "among good ones")
    }

    @Test(
        "Public places",
        arguments: [
            "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "128.0.0.1",
            "126.255.255.255", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255",
            "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111",
            "2a00:1450:4001::1", "2003::1", "::ffff:1.1.1.1", "64:ff9b::101:101",
        ])
    func open(text: String) throws {
        #expect(try #require(IPAddress(text)).special == nil)
        #expect(Self.refusal("https://example.org/hooks", at: [text]) == nil)
        #expect(Self.refusal("http://example.org/hooks", at: [text]) != nil, "but not over http")
    }

    @Test(
        "Other ways to write an address are none",
        arguments: [
            "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://0X7F.0.0.1/",
            "https://017700000001/", "https://0177.0.0.1/", "https://127.1/", "https://127.0.1/",
            "https://127.0.0.01/", "https://127.0.0.1./", "https://localhost./",
            "https://1.2.3.4.5/",
            "https://256.1.1.1/", "https://[::1%25lo]/", "https://[fe80::1%eth0]/", "https://[::1/",
            "https://%31%32%37.0.0.1:x/", "https://１２７.0.0.1/", "https://example.org\\@127.0.0.1/",
            "https://example.org#@127.0.0.1/", "https://user@127.0.0.1/",
            "https://u:p@example.org/",
            "https://exa mple.org/", "https://example.org/\n", "https:///", "https://", "https:",
            "ftp://example.org/", "file:///etc/passwd", "//example.org/", "example.org",
            "https://example.org:0/", "https://example.org:65536/", "https://-a.example/",
            "https://a..example/", "https://" + String(repeating: "a", count: 64) + ".example/",
            "https://example.org/" + String(repeating: "a", count: 2_048), "", "https://*/",
        ])
    func odd(url: String) {
        #expect(Self.target(url) == nil)
    }

    @Test("A url is put together again from what was read")
    func again() {
        #expect(Self.target("HTTPS://Example.ORG")?.url == "https://example.org/")
        #expect(Self.target("https://[::FFFF:1.2.3.4]:8/")?.url == "https://1.2.3.4:8/")
        #expect(Self.target("https://[2606:4700:0::1111]/x")?.url == "https://[2606:4700::1111]/x")
        let whole = "https://hooks.example:8443/a%20b/c?d=e%26f&g"
        #expect(Self.target(whole)?.url == whole)
    }

    @Test("What the settings allow is allowed, over http too, and nothing beside it")
    func allowed() throws {
        let lan = ["10.1.0.0/16", "hooks.lan", "fd00:1::/32", "192.168.7.7"]
        #expect(Self.refusal("https://a.example/", at: ["10.1.2.3"], allow: lan) == nil)
        #expect(Self.refusal("http://a.example/", at: ["10.1.2.3"], allow: lan) == nil)
        #expect(Self.refusal("http://10.1.2.3:8080/x", at: ["10.1.2.3"], allow: lan) == nil)
        #expect(Self.refusal("http://[::ffff:10.1.2.3]/", at: ["10.1.2.3"], allow: lan) == nil)
        #expect(Self.refusal("http://192.168.7.7/", at: ["192.168.7.7"], allow: lan) == nil)
        #expect(Self.refusal("http://192.168.7.8/", at: ["192.168.7.8"], allow: lan) != nil)
        #expect(Self.refusal("https://a.example/", at: ["10.2.2.3"], allow: lan) != nil)
        #expect(
            Self.refusal("https://a.example/", at: ["10.1.2.3", "10.2.2.3"], allow: lan) != nil)
        #expect(Self.refusal("http://a.example/", at: ["1.1.1.1"], allow: lan) != nil)
        #expect(Self.refusal("http://HOOKS.lan/", at: ["127.0.0.1"], allow: lan) == nil)
        #expect(Self.refusal("http://x.hooks.lan/", at: ["127.0.0.1"], allow: lan) != nil)
        #expect(Self.refusal("https://[fd00:1::9]/", at: ["fd00:1::9"], allow: lan) == nil)
        #expect(Self.refusal("https://[fd00:2::9]/", at: ["fd00:2::9"], allow: lan) != nil)
        #expect(Self.refusal("http://a.example/", at: ["1.1.1.1"]) != nil)
        #expect(Self.refusal("https://a.example/", at: []) != nil, "a host without an address")
    }

    @Test(
        "A setting that means nothing is refused",
        arguments: [
            "", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/08x", "::/129", "host:80",
            "https://a", "a/b", "1.2.3", "::ffff:10.0.0.0/104", "a b", "*.lan",
        ])
    func setting(word: String) {
        #expect(throws: WebhookRefusal.self) { try WebhookRules(allow: [word]) }
    }

    @Test(
        "Where only some hosts are meant, these are reached",
        arguments: [
            "https://hooks.example.org/x", "https://HOOKS.example.ORG:8443/", "https://1.1.1.1/",
            "https://a.example.net/", "https://a.b.example.net/", "https://[2606:4700::1111]/",
        ])
    func listed(url: String) {
        #expect(Self.refusal(url, at: ["1.1.1.1"], only: Self.meant) == nil)
    }

    @Test(
        "Where only some hosts are meant, no other is reached",
        arguments: [
            "https://example.org/", "https://x.hooks.example.org/", "https://example.net/",
            "https://notexample.net/", "https://a.example.net.example.com/", "https://1.1.1.2/",
            "https://[::ffff:1.1.1.2]/",
        ])
    func unlisted(url: String) throws {
        let why = Self.refusal(url, at: ["1.1.1.1"], only: Self.meant)
        #expect(why?.contains("webhooks.hosts") == true)
        let rules = try WebhookRules(only: try WebhookHosts(Self.meant))
        let target = try WebhookTarget(url)
        #expect(throws: WebhookRefusal.self, "when it is made") { try rules.check(target) }
        let address = try #require(IPAddress("1.1.1.1"))
        #expect(throws: WebhookRefusal.self, "when something is delivered") {
            try rules.choose(target, among: [address])
        }
    }

    private static let meant = [
        "hooks.Example.org", "*.example.net", "1.1.1.1", "2606:4700:0::1111",
    ]

    @Test("A host that is meant must still be public, or allowed, and https")
    func both() {
        let only = ["hooks.lan"]
        #expect(Self.refusal("https://hooks.lan/", at: ["10.1.2.3"], only: only) != nil)
        #expect(Self.refusal("http://hooks.lan/", at: ["1.1.1.1"], only: only) != nil)
        let allow = ["10.0.0.0/8"]
        #expect(
            Self.refusal("http://hooks.lan/", at: ["10.1.2.3"], allow: allow, only: only) == nil)
        #expect(
            Self.refusal("http://10.1.2.3/", at: ["10.1.2.3"], allow: allow, only: only) != nil)
    }

    @Test(
        "A list of hosts that means nothing is refused",
        arguments: [
            "", "*", "*.", "*.*", "a.*", "*.1.2.3.4", "10.0.0.0/8", "host:80", "https://a", "a/b",
            "1.2.3", "a b", ".lan", "**.lan",
        ])
    func hosts(word: String) {
        #expect(throws: WebhookRefusal.self) { try WebhookHosts([word]) }
    }

    @Test("Ranges begin and end where they should")
    func ranges() throws {
        let range = try #require(AddressRange("172.16.0.0/12"))
        let inside = ["172.16.0.0", "172.31.255.255"].compactMap { IPAddress($0) }
        let outside = ["172.15.255.255", "172.32.0.0", "::1"].compactMap { IPAddress($0) }
        #expect(inside.count == 2 && inside.allSatisfy { range.contains($0) })
        #expect(outside.count == 3 && !outside.contains { range.contains($0) })
        let all = try #require(AddressRange("0.0.0.0/0"))
        #expect(all.contains(try #require(IPAddress("255.1.2.3"))))
    }

    @Test("With each try another of a host's addresses is taken")
    func rotation() throws {
        let rules = try WebhookRules()
        let target = try WebhookTarget("https://example.org/")
        let both = ["1.1.1.1", "2606:4700::1111"].compactMap { IPAddress($0) }
        let taken = try (0..<4).map { try rules.choose(target, among: both, attempt: $0) }
        #expect(taken == [both[0], both[1], both[0], both[1]])
    }
}
