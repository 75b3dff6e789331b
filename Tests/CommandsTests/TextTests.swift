import Foundation
import Testing

@testable import Commands

@Suite struct TextTests {
    @Test func escapeSequencesAreShownNotObeyed() {
        #expect(SafeText.line("a\u{1B}[2Jb\u{7}c") == "a^[[2Jb^Gc")
        #expect(SafeText.line("x\u{9B}31my\u{7F}\u{202E}z") == "x<U+9B>31my<U+7F><U+202E>z")
        #expect(SafeText.line("one\ntwo\tthree") == "one two three")
        #expect(SafeText.line("Grüße ✓ 日本") == "Grüße ✓ 日本")
        #expect(SafeText.block("a\r\nb\rc\td\u{1B}]0;t\u{7}\n") == "a\nb\nc\td^[]0;t^G\n")
    }

    @Test func noControlIsLeftOfAnyText() {
        for value in (0..<0x300).map(UInt32.init) + [0x2028, 0x202E, 0x2066] {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let line = SafeText.line("a\(scalar)b")
            #expect(!line.unicodeScalars.contains(where: SafeText.isUnsafe), "U+\(value)")
        }
    }

    @Test func piecesOfUTF8AreJoined() {
        let text = "aé✓😀\r\nz"
        let bytes = Array(text.utf8)
        for cut in 0...bytes.count {
            var pieces = TextPieces()
            let joined = pieces.feed(bytes[..<cut]) + pieces.feed(bytes[cut...]) + pieces.finish()
            #expect(joined == text, "cut at \(cut)")
        }
        var broken = TextPieces()
        #expect(broken.feed([0x61, 0xF0, 0x9F]) == "a")
        #expect(broken.finish() == "\u{FFFD}")
    }

    @Test func widthsCountColumns() {
        #expect("abc".displayWidth == 3)
        #expect("日本".displayWidth == 4)
        #expect("e\u{301}".displayWidth == 1)
        #expect("😀x".displayWidth == 3)
        #expect("abcdef".truncated(to: 4) == "abc…")
        #expect("日本語".truncated(to: 4) == "日…")
        #expect("".truncated(to: 0) == "")
        #expect("one two three".wrapped(to: 7, limit: 3) == ["one two", "three"])
        #expect("one two three four".wrapped(to: 5, limit: 2) == ["one", "two…"])
    }

    @Test(arguments: [
        (0.0, "0s"), (0.44, "0.4s"), (9.96, "10s"), (59.6, "1m"), (200, "3m20s"), (3600, "1h"),
        (5400, "1h30m"), (93_784, "1d2h"), (-5, "0s"), (.infinity, "-"),
    ])
    func durationsReadWell(_ seconds: Double, _ text: String) {
        #expect(Humane.duration(seconds) == text)
    }

    @Test func sizesReadWell() {
        #expect(Humane.bytes(812) == "812 B")
        #expect(Humane.bytes(1_400_000) == "1.4 MB")
        #expect(Humane.bytes(18e9) == "18 GB")
        #expect(Humane.bytes(-1) == "-")
        #expect(Humane.bytes(1e300) != "")
    }

    @Test func durationsAndSizesAreRead() {
        #expect(Interval(argument: "90s")?.seconds == 90)
        #expect(Interval(argument: "1h30m")?.seconds == 5400)
        #expect(Interval(argument: "250ms")?.seconds == 0.25)
        for wrong in ["", "5", "m", "-5m", "5 m", "1y", "1e9s", "99999999999d", "5mm", "½h"] {
            #expect(Interval(argument: wrong) == nil, "\(wrong)")
        }
        #expect(ByteSize(argument: "18GB")?.bytes == 18_000_000_000)
        #expect(ByteSize(argument: "512MiB")?.bytes == 536_870_912)
        #expect(ByteSize(argument: "1024")?.bytes == 1024)
        for wrong in ["", "GB", "-1GB", "1XB", "9999999999999TB"] {
            #expect(ByteSize(argument: wrong) == nil, "\(wrong)")
        }
    }

    @Test func timesAreRead() {
        let noon = Timestamp("2026-11-23T12:00:00.250Z")
        #expect(noon.date?.timeIntervalSince1970 == 1_795_435_200.25)
        #expect(Timestamp("2026-11-23T13:00:00.250+01:00").date == noon.date)
        #expect(Timestamp("2024-02-29T00:00:00Z").date?.timeIntervalSince1970 == 1_709_164_800)
        for wrong in ["", "now", "2026-13-01T00:00:00Z", "2026-11-23T12:00:00", "2026-11-23"] {
            #expect(Timestamp(wrong).date == nil, "\(wrong)")
        }
    }

    @Test func nearWordsAreSuggested() {
        let nouns = ["jobs", "nodes", "clusters", "roamers"]
        #expect(DidYouMean.hint("jbos", among: nouns) == "did you mean 'jobs'?")
        #expect(DidYouMean.hint("romers", among: nouns) == "did you mean 'roamers'?")
        #expect(DidYouMean.hint("xylophone", among: nouns) == nil)
    }

    @Test func barsFitTheirRoomAndTheLocale() {
        func bar(_ share: Double, _ columns: Int, _ environment: [String: String]) -> String {
            ProgressBar(environment: environment, refused: false).text(share, columns: columns)
        }
        let utf8 = ["LANG": "en_GB.utf8"]
        #expect(bar(0.48, 16, utf8) == "[███░░░░░] 48 %")
        #expect(bar(0, 0, utf8) == "[░░░░░░░░] 0 %")
        #expect(bar(7, 200, utf8) == "[████████████████████] 100 %")
        #expect(bar(.nan, 0, utf8) == "[░░░░░░░░] 0 %")
        let plains: [[String: String]] = [
            [:], ["LANG": "C"], ["LC_ALL": "C", "LANG": "C.UTF-8"],
            ["LANG": "C.UTF-8", "NO_COLOR": "1"], ["LANG": "C.UTF-8", "TERM": "dumb"],
        ]
        for plain in plains {
            #expect(bar(0.5, 0, plain) == "[####----] 50 %", "\(plain)")
        }
        #expect(ProgressBar(environment: utf8, refused: true).isPlain)
        #expect(bar(0.5, 28, utf8).displayWidth <= 28)
    }

    @Test func coloursFollowTheConventions() {
        func isOn(_ terminal: Bool, _ environment: [String: String], _ refused: Bool = false)
            -> Bool
        {
            Style(isTerminal: terminal, environment: environment, refused: refused).isOn
        }
        #expect(isOn(true, [:]))
        #expect(!isOn(false, [:]))
        #expect(!isOn(true, ["NO_COLOR": "1"]))
        #expect(isOn(true, ["NO_COLOR": ""]))
        #expect(!isOn(true, ["TERM": "dumb"]))
        #expect(isOn(false, ["FORCE_COLOR": "1"]))
        #expect(!isOn(true, ["FORCE_COLOR": "1"], true))
    }
}
