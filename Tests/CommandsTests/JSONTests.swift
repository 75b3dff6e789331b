import Foundation
import Testing
import Yams

@testable import Commands

@Suite struct JSONTests {
    @Test(arguments: [
        Samples.succeeded, Samples.roamer, "[]", "{}", "-0.5e+10", "\"\\ud83d\\ude00 \\u00e9\\n\"",
        " [1 , {\"b\":null,\"a\":[true,false]}]\n", "12345678901234567890.12345678901234567890",
    ])
    func keepsWhatItReads(_ text: String) throws {
        let value = try JSONParser.parse(text.utf8)
        #expect(try JSONParser.parse(value.compact.utf8) == value)
        #expect(try JSONParser.parse(value.pretty().utf8) == value)
        let options: JSONSerialization.ReadingOptions = [.fragmentsAllowed]
        let theirs = try JSONSerialization.jsonObject(with: Data(text.utf8), options: options)
        let ours = try JSONSerialization.jsonObject(
            with: Data(value.pretty().utf8), options: options)
        #expect((theirs as? NSObject) == (ours as? NSObject))
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\" 1}", "{a:1}", "01", "1.", "-", "+1", "\"\\x\"", "\"\u{1}\"", "tru",
        "[1] 2", "\"\\u12\"", "nul", "\"", "[\"", "{\"a\":", "1e", "'a'", "\"\\ud8",
    ])
    func refusesWhatIsNoJSON(_ text: String) {
        #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(text.utf8) }
    }

    @Test func refusesADeepNest() {
        let text = String(repeating: "[", count: 100_000)
        #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(text.utf8) }
    }

    @Test func survivesAnyBytes() throws {
        var random = SplitMix(state: 7)
        let alphabet = Array("{}[]\",:\\u12eE+-.truefalsn d8".utf8) + [0xFF, 0, 0x80]
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            guard let value = try? JSONParser.parse(bytes) else { continue }
            #expect(try JSONParser.parse(value.compact.utf8) == value)
        }
    }

    @Test func halfASurrogateIsReplaced() throws {
        #expect(try JSONParser.parse(#""\ud800x""#.utf8) == .string("\u{FFFD}x"))
        #expect(try JSONParser.parse(#""\ud800\u0041""#.utf8) == .string("\u{FFFD}A"))
    }

    @Test func escapesWhatCouldSteerATerminal() throws {
        let text = JSONValue.string("\u{1B}[2J\u{9B}31m\u{202E}\u{7F}").compact
        #expect(text == #""\u001b[2J\u009b31m\u202e\u007f""#)
    }

    @Test(arguments: [
        Samples.succeeded, Samples.roamer, Samples.list(Samples.node, Samples.cordoned),
        #"{"yes":"no","n":"null","a b":"1.5","t":"2026-11-23","q":"a: b","h":"a #b","e":"","#
            + #""m":"two\nlines","l":[[1,2],[],{}],"s":" x ","d":"- x","u":"~","x":"0x10","k":"é"}"#,
    ])
    func yamlMeansTheSame(_ text: String) throws {
        let value = try JSONParser.parse(text.utf8)
        let yaml = try #require(try Yams.load(yaml: value.yaml) as? [String: Any])
        #expect(Self.plain(yaml) == Self.plain(value))
    }

    /// What Yams read, in a form that can be compared.
    private static func plain(_ value: Any) -> String {
        switch value {
        case let map as [String: Any]:
            map.keys.sorted().map { "\($0)=\(plain(map[$0] ?? ""))" }.joined(separator: ";")
        case let list as [Any]: "[" + list.map(plain).joined(separator: ";") + "]"
        case let text as String: "'\(text)'"
        case is NSNull: "null"
        case let flag as Bool: "\(flag)"
        case let number as Int: "\(Double(number))"
        default: "\(value)"
        }
    }

    private static func plain(_ value: JSONValue) -> String {
        switch value {
        case .object(let members):
            members.sorted { $0.key < $1.key }.map { "\($0.key)=\(plain($0.value))" }
                .joined(separator: ";")
        case .array(let elements): "[" + elements.map(plain).joined(separator: ";") + "]"
        case .string(let text): "'\(text)'"
        case .null: "null"
        case .bool(let flag): "\(flag)"
        case .number(let text): "\(Double(text) ?? .nan)"
        }
    }
}
