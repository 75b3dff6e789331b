import Testing

@testable import Commands

@Suite struct TopKeyTests {
    private func keys(_ text: String) -> [TopKey] {
        var reader = TopKeyReader()
        return reader.feed(Array(text.utf8))
    }

    @Test(arguments: [
        ("\u{1B}[A", TopKey.up), ("\u{1B}OB", .down), ("\u{1B}[5~", .pageUp),
        ("\u{1B}[6~", .pageDown), ("\u{1B}[H", .home), ("\u{1B}[4~", .end), ("\r", .enter),
        ("\u{7F}", .backspace), ("\u{03}", .control("c")), ("\u{0B}", .control("k")),
        ("\u{1B}", .escape), ("\t", .tab), ("é", .character("é")), ("火", .character("火")),
        ("\u{1B}[1;5A", .up),
    ])
    func oneKey(_ bytes: String, _ key: TopKey) {
        #expect(keys(bytes) == [key])
    }

    @Test func manyKeysInOnePiece() {
        #expect(keys("jk\u{1B}[Bq") == [.character("j"), .character("k"), .down, .character("q")])
        #expect(keys("\u{1B}\u{1B}") == [.escape, .escape])
    }

    @Test func whatIsNoKeyIsLeftOut() {
        #expect(keys("\u{1B}[200~\u{1B}[Zq") == [.character("q")])
        #expect(keys("\u{1B}xq") == [.escape, .character("x"), .character("q")])
        #expect(keys("\u{1B}[") == [])
        #expect(keys("\u{1B}[12;") == [])
    }

    @Test func aCharacterMayComeInPieces() {
        var reader = TopKeyReader()
        let bytes = Array("火".utf8)
        #expect(reader.feed([bytes[0]]) == [])
        #expect(reader.feed([bytes[1]]) == [])
        #expect(reader.feed([bytes[2], 0x71]) == [.character("火"), .character("q")])
        // Bytes that are no text at all.
        #expect(reader.feed([0xFF, 0x80, 0x71]) == [.character("q")])
    }
}
