import Testing

@testable import WorkerContracts

struct PureTests {
    @Test func `content types by extension and back`() {
        #expect(ContentType.forFile(named: "a.PNG") == "image/png")
        #expect(ContentType.forFile(named: "/job/outputs/x.tar.gz") == "application/gzip")
        for name in ["", ".png", "a", "a.", "a.b/c", "x.ünï"] {
            #expect(ContentType.forFile(named: name) == ContentType.unknown, "\(name)")
        }
        #expect(ContentType.fileExtension(forType: "audio/x-wav") == "wav")
        #expect(ContentType.fileExtension(forType: "no/such") == "bin")
        #expect(ContentType.sanitised("Text/HTML; charset=utf-8") == "text/html")
        #expect(ContentType.sanitised("a/b\r\nX: y") == ContentType.unknown)
    }

    @Test func `a request cannot be bent`() throws {
        let hook = CogWebhook(url: "http://h/w/\"x\\")
        let body = try CogRequest.body(id: "a-1_B", input: json(" {\"p\": 1} "), webhook: hook)
        #expect(
            String(decoding: body, as: UTF8.self)
                == #"{"input":{"p": 1},"webhook":"http://h/w/\"x\\","webhook_events_filter":["start","completed"]}"#
        )
        for bad in ["", "a/b", "a b", "..", "é", String(repeating: "a", count: 129)] {
            #expect(throws: WorkerError.self) {
                try CogRequest.body(id: bad, input: json("{}"), webhook: hook)
            }
        }
        for bad in ["", "1", "[]", "{", #"{},"webhook":"http://evil""#] {
            #expect(throws: WorkerError.self) {
                try CogRequest.body(id: "a", input: json(bad), webhook: hook)
            }
        }
    }

    @Test func `only cog's own server is told where its files go`() {
        let server = ["python", "-m", "cog.server.http"]
        #expect(CogCommand.takesUploads(server))
        #expect(CogCommand.takesUploads(["/sbin/tini", "--"] + server + ["--host", "0.0.0.0"]))
        #expect(CogCommand.sendingUploads(to: "u", server) == server + ["--upload-url", "u"])
        for other in [
            [], ["cog.server.http"], ["sh", "-c", "python -m cog.server.http"], ["sleep", "9"],
            ["python", "serve.py"], server + ["--upload-url", "http://mine/"],
            server + ["--upload-url=http://mine/"],
        ] as [[String]] {
            #expect(!CogCommand.takesUploads(other), "\(other)")
        }
    }

    @Test func `the grace follows the absence`() {
        #expect(CogRecovery.grace(downtimeSeconds: 3) == 8)
        #expect(CogRecovery.grace(downtimeSeconds: nil) == 125)
        #expect(CogRecovery.grace(downtimeSeconds: 1e9) == 125)
        #expect(CogRecovery.grace(downtimeSeconds: .nan) == 125)
    }

    @Test func `json is strict`() throws {
        for good in ["0", "-0.5e+3", "\"\"", "[ ]", "{ \"a\" : [ 1 , null ] }", " true "] {
            #expect(throws: Never.self) { try JSONText(validating: json(good)) }
        }
        for bad in [
            "01", "+1", "1.", ".5", "1e", "nul", "[1,]", "{,}", "{\"a\"}", "\"\u{1}\"", "'a'",
            "\"\\x\"", "NaN",
        ] {
            #expect(throws: WorkerError.self, "\(bad)") { try JSONText(validating: json(bad)) }
        }
        let twice = try JSONText(validating: json(#"{"a":1,"a":2}"#))
        #expect(try twice.member("a")?.number == 2)
    }
}
