import NIOCore
import Testing

@testable import WorkerContracts

struct CogResultTests {
    private func decode(_ text: String, limits: CogResult.Limits = .init()) throws -> CogResult {
        try CogResult.decode(ByteBuffer(string: text), limits: limits)
    }

    private func outputs(_ output: String, older: Bool = false) throws -> CogResult {
        let times = older ? #""started_at":"2026-01-01T00:00:00Z","# : ""
        return try decode(#"{"id":"a",\#(times)"status":"succeeded","output":\#(output)}"#)
    }

    private func files(_ output: String, older: Bool = false) throws -> [String] {
        let result = try outputs(output, older: older)
        return result.outputs.map { "\($0.name) \($0.contentType) \(String(buffer: $0.bytes))" }
            + result.containerFiles.map { "\($0.name) \($0.contentType) @\($0.path)" }
    }

    @Test func `shapes of outputs become files`() throws {
        #expect(try files("null") == [])
        #expect(try files(#""hello""#) == ["output.txt text/plain hello"])
        #expect(try files("42") == ["output.json application/json 42"])
        #expect(try files("true") == ["output.json application/json true"])
        #expect(try files("[]") == ["output.json application/json []"])
        #expect(try files(#""data:image/png;base64,QQ==""#) == ["output.png image/png A"])
        #expect(try files(#""data:image/png;base64,QQ""#) == ["output.png image/png A"])
        #expect(try files(#""data:text/plain,a%20b""#) == ["output.txt text/plain a b"])
        #expect(try files(#""data:None;base64,QQ==""#) == ["output.bin application/octet-stream A"])
        #expect(try files(#""data:image\/png;base64,QQ==""#) == ["output.png image/png A"])
        #expect(
            try files(#""data: nothing, really""#) == [
                "output.txt text/plain data: nothing, really"
            ])
        #expect(try files(#"["a","b"]"#) == ["output.txt text/plain ab"])
        #expect(try files("[1,2]") == ["output.json application/json [1,2]"])
        #expect(
            try files(#"["data:image/png;base64,QQ==","data:image/jpeg;base64,Qg=="]"#) == [
                "output-0.png image/png A", "output-1.jpg image/jpeg B",
            ])
        #expect(
            try files(#"{"audio":"data:audio/x-wav;base64,QQ==","text":"hi"}"#) == [
                "audio.wav audio/x-wav A",
                #"output.json application/json {"audio":"audio.wav","text":"hi"}"#,
            ])
        #expect(
            try files(#"{"images":["data:image/png;base64,QQ=="],"none":null}"#) == [
                "images-0.png image/png A"
            ])
    }

    @Test func `paths are files only from the older server`() throws {
        #expect(try files(#""/tmp/x/out.mp4""#) == ["output.txt text/plain /tmp/x/out.mp4"])
        #expect(
            try files(#""/tmp/x/out.mp4""#, older: true) == ["output.mp4 video/mp4 @/tmp/x/out.mp4"]
        )
        #expect(
            try files(#"["/tmp/a.png","/tmp/b"]"#, older: true) == [
                "output-0.png image/png @/tmp/a.png",
                "output-1.bin application/octet-stream @/tmp/b",
            ])
        #expect(
            try files(#""/tmp/../etc/shadow""#, older: true) == [
                "output.txt text/plain /tmp/../etc/shadow"
            ])
        let accent = "/tmp/../\u{301}/../etc/shadow"
        #expect(try files("\"\(accent)\"", older: true) == ["output.txt text/plain \(accent)"])
        #expect(try files(#""a\nb""#, older: true) == ["output.txt text/plain a\nb"])
    }

    @Test func `links and broken payloads are refused with a reason`() throws {
        for bad in [
            #""https://example.com/x.png""#, #"["https://a/b","HTTP://c/d"]"#,
            #""data:image/png;base64,Q!==""#, #""data:text/plain,%G1""#, #""data:text/plain,%4""#,
        ] {
            let error = #expect(throws: WorkerError.self) { try outputs(bad) }
            #expect(error?.code == .badOutput, "\(bad)")
        }
        #expect(try files(#"["see ","https://a/b"," ok"]"#).count == 1)
        #expect(try files(#"{"source":"https://a/b"}"#).count == 1)
    }

    @Test func `files that were sent before are named by where they went`() throws {
        func named(_ output: String, older: Bool = false) throws -> [String] {
            try outputs(output, older: older).uploads.map {
                "\($0.name) \($0.contentType) \($0.storedName)"
            }
        }
        let base = "http://uploads.jessica.invalid/0123456789abcde"
        #expect(
            try named("\"\(base)f.mp4\"") == ["output.mp4 video/mp4 0123456789abcdef.mp4"])
        // Named as if it had come in the report: a plan may ask for it by that name.
        #expect(
            try named("\"\(base)f.jpeg\"") == ["output.jpg image/jpeg 0123456789abcdef.jpeg"])
        #expect(
            try named("\"\(base)f.jpeg\"", older: true) == [
                "output.jpeg image/jpeg 0123456789abcdef.jpeg"
            ])
        #expect(
            try named("[\"\(base)1.png\",\"\(base)2.png\"]").map { $0.prefix(12) } == [
                "output-0.png", "output-1.png",
            ])
        let object = try outputs("{\"audio\":\"\(base)1.wav\",\"text\":\"hi\"}")
        #expect(object.uploads.map(\.name) == ["audio.wav"])
        #expect(
            object.outputs.map { String(buffer: $0.bytes) } == [
                #"{"audio":"audio.wav","text":"hi"}"#
            ])
        for bad in ["../x.png", "f", "f.", "f.p/g", "f.png?x", "ff.png"] {
            let error = #expect(throws: WorkerError.self) { try outputs("\"\(base)\(bad)\"") }
            #expect(error?.code == .badOutput, "\(bad)")
        }
        let many = Array(repeating: "\"\(base)f.png\"", count: 257).joined(separator: ",")
        #expect(throws: WorkerError.self) { try outputs("[\(many)]") }
    }

    @Test func `a result that could not be sent is told from work that failed`() throws {
        for (error, isLost) in [
            ("Failed to upload output: upload request failed: refused", true),
            ("Got error trying to upload output files", true),
            ("cannot paint: Failed to upload output: x", false), ("", false),
        ] {
            let result = try decode(#"{"status":"failed","error":"\#(error)"}"#)
            #expect(result.couldNotSend == isLost, "\(error)")
        }
        let other = #"{"status":"succeeded","error":"Got error trying to upload output files"}"#
        #expect(try !decode(other).couldNotSend)
    }

    @Test func `a name to store under is ours but for its extension`() {
        func name(_ fileName: String, _ type: String? = nil) -> String {
            UploadReference.newName(
                for: WorkerUpload(
                    token: "t", prediction: nil, fileName: fileName, contentType: type))
        }
        for (given, ext) in [
            (name("a.PNG"), "png"), (name("a", "video/mp4; x=y"), "mp4"), (name("a"), "bin"),
            (name("a.../..", "x\r\ny"), "bin"),
        ] {
            #expect(given.utf8.count == 17 + ext.utf8.count && given.hasSuffix("." + ext))
            let text = Array(UploadReference.url(given).utf8)
            #expect(UploadReference.storedName(in: text[...]) == given)
        }
        #expect(name("a.png") != name("a.png"))
    }

    @Test func `bounds hold`() throws {
        let many = "[" + Array(repeating: #""data:,x""#, count: 257).joined(separator: ",") + "]"
        #expect(throws: WorkerError.self) { try outputs(many) }
        var limits = CogResult.Limits()
        limits.bytesMax = 4
        let fits = #"{"status":"succeeded","output":["data:,ab","data:,cd"]}"#
        #expect(try decode(fits, limits: limits).outputs.count == 2)
        let over = #"{"status":"succeeded","output":["data:,ab","data:,cde"]}"#
        #expect(throws: WorkerError.self) { try decode(over, limits: limits) }
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: WorkerError.self) { try outputs(deep) }
        limits = .init()
        limits.valuesMax = 3
        #expect(throws: WorkerError.self) {
            try decode(#"{"status":"succeeded","output":[1,2,3,4]}"#, limits: limits)
        }
    }

    @Test func `fields are read and bounded`() throws {
        let result = try decode(
            #"{"id":"a","status":"failed","error":"w\u0068y \ud83d\ude00","logs":"line\n","metrics":{"predict_time":1.5}}"#
        )
        #expect(result.status == .failed && result.error == "why 😀" && result.logsTail == "line\n")
        #expect(result.predictTime == 1.5)
        let long = String(repeating: "é", count: 50_000)
        let tail = try decode(#"{"status":"processing","logs":"\#(long)"}"#).logsTail
        #expect(tail.utf8.count == CogResult.logsBytesMax && long.hasSuffix(tail))
        #expect(try decode(#"{"status":"dreaming"}"#).status == .unknown("dreaming"))
        #expect(
            try decode(#"{"status":"failed","metrics":{"predict_time":-1e999}}"#).predictTime == nil
        )
        for bad in [
            "", "[]", "{}", #"{"status":1}"#, #"{"status":"failed"} x"#, #"{"status":"failed""#,
        ] {
            #expect(throws: WorkerError.self) { try decode(bad) }
        }
    }

    @Test func `the address of the webhook is not told on`() throws {
        let result = try decode(
            #"{"status":"failed","error":"url: /w/0123456789abcdef (503) /w/a","logs":"/w/0123456789-ABCDEF_x"}"#
        )
        #expect(result.error == "url: /w/… (503) /w/a" && result.logsTail == "/w/…")
        let sent = try decode(#"{"status":"failed","error":"PUT /w/0123456789abcdef/a.png: 507"}"#)
        #expect(sent.error == "PUT /w/…/a.png: 507")
    }

    @Test func `names are safe and unique`() throws {
        var names = OutputNames()
        #expect(names.claim(stem: "a/../b c", fileExtension: "png") == "a_.._b_c.png")
        #expect(names.claim(stem: "..", fileExtension: "png") == "output.png")
        #expect(names.claim(stem: ".hidden", fileExtension: "png") == "_hidden.png")
        #expect(names.claim(stem: "x.png", fileExtension: "png") == "x.png")
        #expect(names.claim(stem: "x", fileExtension: "png") == "x-2.png")
        let long = names.claim(stem: String(repeating: "n", count: 500), fileExtension: "png")
        #expect(long.utf8.count == 100 && long.hasSuffix(".png"))
        #expect(names.claim(stem: "日本", fileExtension: "txt") == "output.txt")
    }

    @Test func `a hundred thousand broken bodies do not trap`() throws {
        let seeds = [
            #"{"id":"a","status":"succeeded","output":["data:image/png;base64,QUJD","t",{"k":[1,null,true]}],"logs":"l\u0041\ud83d\ude00","metrics":{"predict_time":1.25e-3}}"#,
            #"{"id":"b","started_at":"x","status":"succeeded","output":{"a":"/tmp/x.png","b":{"c":"data:,%41b","d":["data:a/b;base64,QQ"]}}}"#,
            #"{"status":"failed","error":"e\"\\\/\b\f\n\r\t","output":null,"logs":""}"#,
            #"{"status":"succeeded","output":"data:None;base64,QUI="}"#,
        ].map { Array($0.utf8) }
        let inserts = Array(#"{}[]":,\u0dat;base64%/."#.utf8)
        var random = SplitMix(state: 7)
        var accepted = 0
        for round in 0..<120_000 {
            var body = seeds[round % seeds.count]
            for _ in 0..<(1 + Int(random.next() % 6)) {
                let at = body.isEmpty ? 0 : Int(random.next() % UInt64(body.count))
                switch random.next() % 5 {
                case 0 where !body.isEmpty: body[at] = UInt8(truncatingIfNeeded: random.next())
                case 1 where !body.isEmpty: body.remove(at: at)
                case 2: body.insert(inserts[Int(random.next() % UInt64(inserts.count))], at: at)
                case 3: body.removeSubrange(at..<min(body.count, at + Int(random.next() % 20)))
                default:
                    let seed = seeds[Int(random.next() % UInt64(seeds.count))]
                    body.insert(contentsOf: seed.suffix(Int(random.next() % 30)), at: at)
                }
            }
            guard let result = try? CogResult.decode(ByteBuffer(bytes: body)) else { continue }
            accepted += 1
            let names = result.outputs.map(\.name) + result.containerFiles.map(\.name)
            #expect(Set(names).count == names.count)
            for name in names {
                #expect(OutputNames.sanitised(name) == name && name.first != ".")
            }
            for output in result.outputs where output.contentType == "application/json" {
                if output.name == "output.json" {
                    #expect(throws: Never.self) {
                        try JSONText(validating: [UInt8](buffer: output.bytes))
                    }
                }
            }
        }
        #expect(accepted > 1000)
    }
}

/// A small seeded generator, so that a failing round can be had again.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
