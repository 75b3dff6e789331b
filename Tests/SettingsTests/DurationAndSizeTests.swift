import Settings
import Testing

@Suite struct DurationAndSizeTests {
    @Test(arguments: [
        ("45s", Duration.seconds(45)), ("5m", .seconds(300)), ("1h", .seconds(3600)),
        ("500ms", .milliseconds(500)), ("2h30m", .seconds(9000)), ("1d", .seconds(86_400)),
        ("1.5h", .seconds(5400)), ("0s", .zero), ("1m0s", .seconds(60)),
        ("250us", .microseconds(250)), ("7ns", .nanoseconds(7)),
        ("1h1m1s1ms1us1ns", .nanoseconds(3_661_001_001_001)),
    ])
    func reads(text: String, duration: Duration) throws {
        #expect(try DurationText.parse(text) == duration)
    }

    @Test(arguments: [
        "", "45", "s", "-5s", "5 s", " 5s", "5s ", "30m2h", "5s5s", "1x", "1.s", ".5s",
        "1.0000000001s",
        "9223372036854775807h", "99999999999999999999s", "300000d", "1e3s", "１s", "5sec", "+5s",
        "5s\u{0}",
        String(repeating: "1", count: 1000) + "s",
    ])
    func refuses(text: String) {
        #expect(throws: TextProblem.self) { try DurationText.parse(text) }
    }

    @Test func durationsRoundTrip() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let bits = UInt64.random(in: 0...62, using: &random)
            let value = Duration.nanoseconds(Int64.random(in: 0...(1 << bits), using: &random))
            let text = DurationText.format(value)
            #expect(try DurationText.parse(text) == value, "\(text)")
        }
        #expect(DurationText.format(.seconds(9000)) == "2h30m")
        #expect(DurationText.format(.zero) == "0s")
        #expect(DurationText.format(.milliseconds(-1500)) == "-1s500ms")
    }

    @Test(arguments: [
        ("18GB", Int64(18_000_000_000)), ("512MiB", 536_870_912), ("1KB", 1000), ("1KiB", 1024),
        ("1kB", 1000), ("0B", 0), ("1.5GiB", 1_610_612_736), ("8PiB", 9_007_199_254_740_992),
        ("1.000000001GB", 1_000_000_001), ("2tb", 2_000_000_000_000),
    ])
    func readsSizes(text: String, bytes: Int64) throws {
        #expect(try SizeText.parse(text) == bytes)
    }

    @Test(arguments: [
        "", "18", "GB", "-1GB", "18 GB", "18G", "18GBMB", "1GB1MB", "9223372036854775807KB",
        "10000PB",
        "99999999999999999999B", "1.GB", "1..2GB", "1GB.5",
    ])
    func refusesSizes(text: String) {
        #expect(throws: TextProblem.self) { try SizeText.parse(text) }
    }

    @Test func sizesRoundTrip() throws {
        for _ in 0..<2000 {
            let bits = UInt64.random(in: 0...62)
            let value = Int64.random(in: 0...(1 << bits))
            #expect(try SizeText.parse(SizeText.format(value)) == value)
        }
        #expect(SizeText.format(18_000_000_000) == "18GB")
        #expect(SizeText.format(536_870_912) == "512MiB")
        #expect(SizeText.format(.max) == "9223372036854775807B")
    }
}
