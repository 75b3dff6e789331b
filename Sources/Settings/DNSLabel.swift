/// What nodes, clusters, services and containers can be called: a label of DNS in lower case.
package enum DNSLabel {
    /// What is wrong with a name, or nil; one that is only in the wrong case is told the right one.
    package static func problem(_ text: String) -> String? {
        guard !isOne(text) else { return nil }
        let lower = text.lowercased()
        let hint = isOne(lower) ? "; write \(lower)" : ""
        return
            "must be 1 to 63 of a-z, 0-9 and -, not at its ends; is \(Shown.quoted(text))\(hint)"
    }

    private static func isOne(_ text: String) -> Bool {
        let dash = UInt8(ascii: "-")
        return (1...63).contains(text.utf8.count)
            && text.utf8.first != dash && text.utf8.last != dash
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    dash:
                    true
                default: false
                }
            }
    }
}
