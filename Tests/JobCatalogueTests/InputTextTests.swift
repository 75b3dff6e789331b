import FleetCore
import Testing

@testable import JobCatalogue

@Suite("The text of an input")
struct InputTextTests {
    @Test(
        "Values are found, names are not",
        arguments: [
            (#"{"prompt":"a sunset","seed":42}"#, "a sunset\n42"),
            (#"{ "prompt" : "x" , "list" : [ "y" , -1.5e3 , true , null ] }"#, "x\ny\n-1.5e3"),
            (#"{"a":{"b":"deep"}}"#, "deep"),
            (
                #"{"p":"line\nbreak \"quoted\" \\ \u00e9 \ud83d\ude00"}"#,
                "line break \"quoted\" \\ é 😀"
            ),
            (#"{}"#, ""), ("", ""), (#"{"p":"never closed"#, "never closed"),
            (#"{"p":"\ud83d"}"#, "\u{FFFD}"), (#"{"p":"\u12"}"#, "\u{FFFD}12"), (#"{"p":"\"#, ""),
        ])
    func words(json: String, expected: String) {
        #expect(InputText.words(of: json, limit: 100) == expected)
    }

    @Test("A long text ends at a whole character", arguments: 0..<12)
    func limit(limit: Int) {
        let text = InputText.words(of: #"{"p":"aé雪😀z"}"#, limit: limit)
        #expect(text.utf8.count <= limit)
        #expect("aé雪😀z".hasPrefix(text))
    }

    @Test("No text traps")
    func garbage() {
        var random = SeededGenerator(seed: 7)
        let alphabet = Array(#"{}[]":,\u0dD8fF-1e9 ab雪"#.unicodeScalars)
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<Int.random(in: 0...40, using: &random) {
                text.unicodeScalars.append(alphabet.randomElement(using: &random) ?? " ")
            }
            #expect(InputText.words(of: text, limit: 16).utf8.count <= 16)
        }
    }
}
