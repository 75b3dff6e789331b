import FleetCore
import Settings

/// Checks of texts in a fleet file; each returns what is wrong, or nil.
enum FleetText {
    /// A DNS label: what a node, cluster, service and container can be called.
    static func dnsLabel(_ text: String) -> String? { DNSLabel.problem(text) }

    /// One of a few words.
    static func choice(_ text: String, among words: [String]) -> String? {
        guard !words.contains(text) else { return nil }
        let hint = Suggestion.hint(for: text, among: words)
        return "must be one of \(words.joined(separator: ", ")), not \(Shown.quoted(text))\(hint)"
    }

    /// A registry, `host` or `host:port`.
    static func registry(_ text: String) -> String? {
        isHost(text[...]) ? nil : "must be like spark:5000, not \(Shown.quoted(text))"
    }

    /// An S3 endpoint: scheme, host and port, nothing else; so it cannot carry a password.
    static func endpoint(_ text: String) -> String? {
        for scheme in ["http://", "https://"] where text.hasPrefix(scheme) {
            var host = text.dropFirst(scheme.count)
            if host.last == "/" { host.removeLast() }
            if isHost(host) { return nil }
        }
        return "must be like http://spark:9000, not \(Shown.quoted(text))"
    }

    /// An S3 bucket's name.
    static func bucket(_ text: String) -> String? {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        let good = (3...63).contains(text.utf8.count) && labels.allSatisfy { isLabel($0) }
        return good
            ? nil
            : "must be a bucket's name, 3 to 63 of a-z, 0-9, - and ., not \(Shown.quoted(text))"
    }

    /// Where models come from: `host:/path`, or a path.
    static func modelSource(_ text: String) -> String? {
        let problem = "must be like spark:/mnt/models, not \(Shown.quoted(text))"
        guard let slash = text.firstIndex(of: "/"), isPath(text[slash...]) else { return problem }
        var host = text[..<slash]
        guard !host.isEmpty else { return nil }
        guard host.popLast() == ":", !host.contains(":") || host.first == "[", isHost(host) else {
            return problem
        }
        return nil
    }

    /// A plain absolute path.
    static func absolutePath(_ text: String) -> String? {
        isPath(text[...]) ? nil : "must be an absolute path, not \(Shown.quoted(text))"
    }

    /// A device of the host.
    static func device(_ text: String) -> String? {
        text.hasPrefix("/dev/") && isPath(text[...], allowing: [UInt8(ascii: ":")])
            ? nil : "must be a device such as /dev/video0, not \(Shown.quoted(text))"
    }

    /// A network of the cluster.
    static func network(_ text: String) -> String? {
        let known = WorkerSpec.clusterNetworks
        return known.contains(text)
            ? nil : "must be one of \(known.joined(separator: ", ")), not \(Shown.quoted(text))"
    }

    /// A model's name or pattern, below the models' folder.
    static func model(_ text: String) -> String? {
        if let problem = word(text) { return problem }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
            return "must be a path below the models' folder, not \(Shown.quoted(text))"
        }
        return nil
    }

    /// Text on one line.
    static func word(_ text: String) -> String? {
        guard !text.isEmpty else { return "must not be empty" }
        guard text.utf8.count <= 256 else { return "must be at most 256 bytes" }
        return isOneLine(text) ? nil : "must be one line without control characters"
    }

    /// An argument of a command; it may be empty and have several lines, but no NUL.
    static func argument(_ text: String) -> String? {
        text.utf8.contains(0) ? "has an argument with a NUL character" : nil
    }

    /// Whether there is no control character or line break.
    static func isOneLine(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy {
            switch $0.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: false
            default: true
            }
        }
    }

    /// Whether it is `host`, `host:port` or `[ipv6]:port`.
    static func isHost(_ text: Substring) -> Bool {
        guard text.utf8.count <= 260 else { return false }
        var port: Substring?
        var host = text
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]") else { return false }
            let address = text[text.index(after: text.startIndex)..<close]
            let rest = text[text.index(after: close)...]
            guard (2...45).contains(address.utf8.count), address.utf8.contains(UInt8(ascii: ":")),
                address.utf8.allSatisfy({
                    isHex($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
                })
            else { return false }
            guard !rest.isEmpty else { return true }
            guard rest.first == ":" else { return false }
            return isPort(rest.dropFirst())
        }
        if let colon = text.firstIndex(of: ":") {
            port = text[text.index(after: colon)...]
            host = text[..<colon]
        }
        if let port, !isPort(port) { return false }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        return host.utf8.count <= 253 && labels.allSatisfy { isLabel($0, upper: true) }
    }

    private static func isPort(_ text: Substring) -> Bool {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy(isDigit),
            let number = Int(text)
        else { return false }
        return (1...65_535).contains(number)
    }

    private static func isLabel(_ text: Substring, upper: Bool = false) -> Bool {
        let dash = UInt8(ascii: "-")
        return (1...63).contains(text.utf8.count)
            && text.utf8.first != dash && text.utf8.last != dash
            && text.utf8.allSatisfy {
                isLower($0) || isDigit($0) || $0 == dash || (upper && isUpper($0))
            }
    }

    /// Absolute, without `.`, `..`, empty parts, blanks, or what mount options and shells give a meaning.
    private static func isPath(_ text: Substring, allowing extra: [UInt8] = []) -> Bool {
        guard text.utf8.count <= 1024, text.first == "/" else { return false }
        let parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        return parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
            && text.utf8.allSatisfy { byte in
                isLower(byte) || isUpper(byte) || isDigit(byte) || "/._-+@=~".utf8.contains(byte)
                    || extra.contains(byte)
            }
    }

    static func isLower(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }
    static func isUpper(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
    static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
    static func isHex(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte)
    }
}
