/// What a text may be: how long, and of which bytes.
struct TextRule: Sendable {
    /// Which bytes are allowed, beyond being UTF-8.
    enum Alphabet: Sendable {
        /// Every one.
        case any
        /// Every one but control characters.
        case printable
        /// Letters and digits of ASCII and `._:/@-`.
        case name
        /// One component of a path: no `/`, no control characters, not `.` or `..`.
        case component
    }

    /// The fewest bytes.
    var minimum: Int
    /// The most bytes.
    var maximum: Int
    /// The bytes allowed.
    var alphabet: Alphabet
    /// Whether the sender shortens a longer text: words for people are better short than not sent.
    var isCut = false

    /// A name or id.
    static let name = TextRule(minimum: 1, maximum: WireLimits.name, alphabet: .name)
    /// A name, or nothing.
    static let nameOrNone = TextRule(minimum: 0, maximum: WireLimits.name, alphabet: .name)
    /// The name of an image.
    static let image = TextRule(minimum: 1, maximum: WireLimits.image, alphabet: .name)
    /// The name of an image, or nothing.
    static let imageOrNone = TextRule(minimum: 0, maximum: WireLimits.image, alphabet: .name)
    /// The name of an output.
    static let component = TextRule(
        minimum: 1, maximum: WireLimits.component, alphabet: .component)
    /// What stands in the place of a value of an input.
    static let reference = TextRule(
        minimum: 1, maximum: WireLimits.reference, alphabet: .printable)
    /// Any text.
    static let text = TextRule(minimum: 0, maximum: WireLimits.text, alphabet: .any)
    /// Words for people.
    static let words = TextRule(minimum: 0, maximum: WireLimits.text, alphabet: .any, isCut: true)
    /// The input of an attempt.
    static let input = TextRule(minimum: 0, maximum: WireLimits.input, alphabet: .any)
    /// A media type.
    static let mediaType = TextRule(
        minimum: 0, maximum: WireLimits.mediaType, alphabet: .printable)
    /// A key in the object store.
    static let objectKey = TextRule(
        minimum: 1, maximum: WireLimits.objectKey, alphabet: .printable)
    /// A key in the object store, or nothing.
    static let objectKeyOrNone = TextRule(
        minimum: 0, maximum: WireLimits.objectKey, alphabet: .printable)
    /// The name of a header of HTTP.
    static let headerName = TextRule(minimum: 1, maximum: WireLimits.name, alphabet: .name)
    /// The value of a header of HTTP, or a URL: a line break there would begin another header.
    static let line = TextRule(minimum: 0, maximum: WireLimits.text, alphabet: .printable)

    /// Refuses a length outside the rule.
    func checkLength(_ count: Int, _ field: String) throws(WireError) {
        guard count >= minimum else {
            throw WireError(.textLength, field, "it is empty")
        }
        guard count <= maximum else {
            throw WireError(
                .textLength, field, "it has \(count) bytes, at most \(maximum) are allowed")
        }
    }

    /// Refuses bytes outside the rule; whether they are UTF-8 is not looked at.
    func checkBytes(_ bytes: UnsafeBufferPointer<UInt8>, _ field: String) throws(WireError) {
        switch alphabet {
        case .any:
            return
        case .printable:
            guard unsafe !bytes.contains(where: Self.isControl) else {
                throw WireError(.textContent, field, "it has a control character")
            }
        case .name:
            guard unsafe bytes.allSatisfy(Self.isName) else {
                throw WireError(
                    .textContent, field, "only A-Z a-z 0-9 . _ : / @ - are allowed")
            }
        case .component:
            let slash = UInt8(ascii: "/")
            let isDots = unsafe bytes.count <= 2 && bytes.allSatisfy { $0 == UInt8(ascii: ".") }
            guard unsafe !isDots && !bytes.contains(where: { $0 == slash || Self.isControl($0) })
            else {
                throw WireError(.textContent, field, "it is not one component of a path")
            }
        }
    }

    private static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F }

    private static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            // `-./0123456789:` and `@` are neighbours in ASCII.
            UInt8(ascii: "-")...UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
