import Foundation
import NIOCore
import Testing

@testable import Commands

@Suite struct PlanCommandTests {
    private static let id = "01jd3v5k8q2m7n4p6r8s0t1v2w"

    private static func plan(_ state: String, succeeded: Int = 0, failed: Int = 0) -> String {
        #"{"id":"\#(id)","name":"post\u001b[31mcard","state":"\#(state)","onFailure":"stop","submitter":"alice","#
            + #""submittedAt":"2026-11-23T11:59:00.000Z","failedJob":"J2","#
            + #""counts":{"total":12,"queued":3,"running":1,"succeeded":\#(succeeded),"failed":\#(failed),"cancelled":0},"#
            + #""steps":[{"step":"poem","job":"J1","kind":"text","state":"succeeded","after":[]},"#
            + #"{"step":"frames","index":3,"job":"J2","kind":"image","state":"failed","after":["poem"],"#
            + #""reason":"the worker died and its last words were long enough to need several lines of a terminal"}],"#
            + #""links":{"self":"/api/v1/plans/\#(id)"}}"#
    }

    @Test func aPlanInYAMLIsSentAsItIsMeant() async throws {
        try await withFolder { folder in
            let text = """
                name: postcard
                maxRunning: 3
                steps:
                  - {name: poem, kind: text, input: {prompt: "yes", seed: 7, scale: 1.5, tall: true, none: null}}
                  - name: picture
                    kind: image
                    input: {prompt: {$from: poem.text}, version: "12"}
                """
            try text.write(toFile: folder + "/p.yaml", atomically: true, encoding: .utf8)
            try await jctl(
                ["submit", "--plan", folder + "/p.yaml", "--idempotency-key", "k"],
                routes: ["POST /plans": { _ in .json(Self.plan("running"), status: 202) }]
            ) { ran, stub in
                #expect(ran.out == Self.id + "\n")
                let request = try #require(stub.requests.first)
                #expect(
                    request.text
                        == #"{"name":"postcard","maxRunning":3,"steps":[{"name":"poem","kind":"text","input":{"prompt":"yes","seed":7,"scale":1.5,"tall":true,"none":null}},{"name":"picture","kind":"image","input":{"prompt":{"$from":"poem.text"},"version":"12"}}]}"#
                )
                #expect(request.header("Idempotency-Key") == "k")
            }
        }
    }

    @Test(arguments: [
        "steps: [", "- a", "just words", "? [a]\n: b", "a: &x [*x, *x]",
        "a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]",
    ])
    func aFileThatIsNoPlanIsAUsageError(text: String) async throws {
        let ran = await jctl(
            ["submit", "--plan", "-"], at: "/nonexistent", console: RecordingConsole(input: text))
        #expect(ran.code == 2, "\(ran.err)")
    }

    @Test func manyOfTheSameAreAPlanOfOneStep() async throws {
        try await withFolder { folder in
            try "{\"prompt\":\"a\"}\n{\"prompt\":\"b\"}\n".write(
                toFile: folder + "/items.jsonl", atomically: true, encoding: .utf8)
            try await jctl(
                [
                    "submit", "--kind", "image", "--items", folder + "/items.jsonl", "--at-once",
                    "1",
                    "--label", "a=b",
                ],
                routes: ["POST /plans": { _ in .json(Self.plan("running"), status: 202) }]
            ) { _, stub in
                #expect(
                    stub.requests.first?.text
                        == #"{"onFailure":"continue","steps":[{"kind":"image","input":{},"labels":{"a":"b"},"name":"image","items":[{"prompt":"a"},{"prompt":"b"}],"maxRunning":1}]}"#
                )
            }
        }
    }

    @Test func theLineThatIsNoItemIsNamed() async {
        let ran = await jctl(
            ["submit", "--kind", "image", "--items", "-"], at: "/nonexistent",
            console: RecordingConsole(input: "{}\n\n \r\nnone\n"))
        #expect(ran.code == 2 && ran.err.contains("line 4 of stdin"), "\(ran)")
    }

    @Test(arguments: [
        ["submit"], ["submit", "--kind", "image", "--plan", "x"],
        ["submit", "--kind", "image", "--at-once", "2"],
        ["submit", "--kind", "image", "--count", "2", "--items", "x"],
        ["submit", "--plan", "x", "--file", "a=b"], ["submit", "--kind", "image", "--file", "x"],
        ["cancel", "plan"], ["wait", "plan", "P", "--for", "running"], ["token", "make", "x"],
        ["token", "create"], ["token", "create", "x", "--expires", "soon"],
    ])
    func whatMakesNoSenseIsAUsageError(arguments: [String]) async throws {
        let ran = await jctl(arguments, at: "/nonexistent")
        #expect(ran.code == 2, "\(ran.err)")
    }

    @Test func aPlanIsWaitedForAndItsFailureToldWithTheStep() async throws {
        let polls = Counter()
        try await jctl(
            ["wait", "plan", Self.id],
            routes: [
                "GET /plans/\(Self.id)": { _ in
                    let number = polls.next()
                    return number == 2
                        ? .dropped
                        : .json(
                            number < 4
                                ? Self.plan("running", succeeded: number)
                                : Self.plan("failed", failed: 1))
                }
            ]
        ) { ran, _ in
            #expect(ran.code == 1)
            #expect(ran.out == "\(Self.id) failed\n")
            #expect(ran.err.contains("plan \(Self.id)  1 of 12 done, 1 running"))
            #expect(ran.err.contains("step frames[3]: the worker died"))
            #expect(ran.err.contains("jctl retry plan \(Self.id)"))
        }
    }

    @Test func aPlanIsShownIn80ColumnsWithNothingThatDrivesTheTerminal() async throws {
        for arguments in [
            ["describe", "plan", Self.id], ["get", "plans"], ["get", "plans", Self.id],
        ] {
            try await jctl(
                arguments, environment: ["NO_COLOR": "1"],
                console: RecordingConsole(terminal: true),
                routes: [
                    "GET /plans/\(Self.id)": { _ in .json(Self.plan("failed", failed: 1)) },
                    "GET /plans": { _ in .json(#"{"items":[\#(Self.plan("running"))],"next":null}"#)
                    },
                ]
            ) { ran, _ in
                #expect(ran.code == 0, "\(ran.err)")
                #expect(ran.lines.allSatisfy { $0.displayWidth <= 80 })
                #expect(!ran.out.contains("\u{1B}"))
            }
        }
        try await jctl(
            ["describe", "plan", Self.id],
            routes: ["GET /plans/\(Self.id)": { _ in .json(Self.plan("failed", failed: 1)) }]
        ) { ran, _ in
            #expect(ran.lines.allSatisfy { $0.displayWidth <= 80 })
            #expect(ran.out.contains("frames[3]"))
        }
    }

    @Test func plansAreCancelledAndTriedAgainByName() async throws {
        for verb in ["cancel", "retry"] {
            try await jctl(
                [verb, "plan", Self.id],
                routes: [
                    "POST /plans/\(Self.id)/\(verb)": { _ in
                        .json(Self.plan("cancelled"), status: 202)
                    }
                ]
            ) { ran, _ in
                #expect(ran.out == "\(Self.id) cancelled\n")
            }
        }
    }

    @Test func aFileIsUploadedThroughTheControllersOwnDoor() async throws {
        try await withFolder { folder in
            try "hello".write(toFile: folder + "/my cat.PNG", atomically: true, encoding: .utf8)
            try await jctl(
                ["submit", "--kind", "vision", "--file", "image=\(folder)/my cat.PNG"],
                routes: [
                    "POST /uploads": { _ in
                        .json(
                            #"{"id":"U1","url":"https://spark:8443/objects/uploads/U1/my_cat.PNG?sig=1","headers":{"X-A":"b"}}"#,
                            status: 201)
                    },
                    "PUT /objects/uploads/U1/my_cat.PNG": { _ in .json("") },
                    "POST /jobs": { _ in .json(Samples.job("queued"), status: 202) },
                ]
            ) { ran, stub in
                #expect(ran.code == 0, "\(ran.err)")
                let requests = stub.requests
                #expect(
                    requests.first?.text
                        == #"{"name":"my_cat.PNG","contentType":"image/png","size":5}"#)
                #expect(requests[1].text == "hello")
                #expect(requests[1].header("X-A") == "b")
                #expect(requests[1].query["sig"] == "1")
                #expect(
                    requests.last?.text == #"{"kind":"vision","input":{"image":{"$upload":"U1"}}}"#)
            }
        }
    }

    @Test(
        arguments: [
            ("objects/uploads/local/U1/a.txt?m=PUT&e=1&s=5&t=text%2Fplain&h=0f", true),
            ("objects/uploads/local/U1/a.txt?X-Amz-Date=1&X-Amz-Signature=0f", false),
            ("jessica/uploads/local/U1/a.txt?X-Amz-Date=1&X-Amz-Signature=0f", false),
        ])
    func aBucketMayBeCalledAsTheControllersOwnDoor(_ place: String, _ isOwn: Bool) throws {
        let address = try #require(URLComponents(string: "https://spark:8443/\(place)"))
        #expect(APIClient.isOwn(address) == isOwn)
    }

    @Test func aFolderIsNoFileToUpload() async throws {
        try await withFolder { folder in
            try await jctl(
                ["submit", "--kind", "vision", "--file", "image=\(folder)"], routes: [:]
            ) { ran, stub in
                #expect(ran.code == 2 && ran.err.contains("it is no file"), "\(ran)")
                #expect(stub.requests.isEmpty)
            }
        }
    }

    @Test func anObjectStoreThatIsAwayIsNotTakenForTheController() {
        let refused = IOError(errnoCode: ECONNREFUSED, reason: "connect")
        let failure =
            APIClient.storeFailure(refused, "minio", "upload cat.png") as? CommandError
        #expect(failure?.status == .failed)
        #expect(
            failure?.lines(debug: false).first
                == "jctl: cannot upload cat.png: the object store at minio cannot be used: nothing listens there"
        )
    }

    @Test(arguments: [true, false])
    func anUploadIsDrawnOnATerminalOnly(_ isTerminal: Bool) async throws {
        try await withFolder { folder in
            let bytes = Data(repeating: 7, count: 600_000)
            try bytes.write(to: URL(filePath: folder + "/big.bin"))
            try await jctl(
                ["submit", "--kind", "vision", "--file", "image=\(folder)/big.bin"],
                console: RecordingConsole(terminal: isTerminal),
                routes: [
                    "POST /uploads": { _ in
                        .json(
                            #"{"id":"U1","url":"https://spark:8443/objects/uploads/U1/big.bin"}"#,
                            status: 201)
                    },
                    "PUT /objects/uploads/U1/big.bin": { _ in .json("") },
                    "POST /jobs": { _ in .json(Samples.job("queued"), status: 202) },
                ]
            ) { ran, stub in
                #expect(ran.code == 0, "\(ran.err)")
                #expect(stub.requests("PUT /objects/uploads/U1/big.bin").first?.body == bytes)
                let lines = ran.err.components(separatedBy: "\r\u{1B}[K")
                let drawn = [
                    "",
                    "uploading big.bin  [########------------] 44 %  262 kB of 600 kB",
                    "uploading big.bin  [#################---] 87 %  524 kB of 600 kB",
                    "uploading big.bin  [####################] 100 %  600 kB of 600 kB", "",
                ]
                #expect(lines == (isTerminal ? drawn : [""]))
            }
        }
    }

    @Test func aTokenIsPrintedAloneAndListedWithoutItsSecret() async throws {
        let token =
            #"{"name":"a","submitter":"alice","role":"submitter","createdAt":"2026-11-23T11:00:00.000Z","expired":false,"token":"fct_1"}"#
        try await jctl(
            ["token", "create", "a", "--submitter", "alice", "--expires", "30d"],
            routes: ["POST /tokens": { _ in .json(token, status: 201) }]
        ) { ran, stub in
            #expect(ran.out == "fct_1\n")
            #expect(
                stub.requests.first?.text
                    == #"{"name":"a","submitter":"alice","expiresInSeconds":2592000}"#)
        }
        try await jctl(
            ["token", "create", "a", "--expires", "never", "--role", "viewer"],
            routes: ["POST /tokens": { _ in .json(token, status: 201) }]
        ) { _, stub in
            #expect(
                stub.requests.first?.text
                    == #"{"name":"a","role":"viewer","expiresInSeconds":null}"#)
        }
        let strange = token.replacing("fct_1", with: #"\u001b[2J"#)
        try await jctl(
            ["token", "create", "a"], routes: ["POST /tokens": { _ in .json(strange, status: 201) }]
        ) { ran, _ in #expect(ran.out == "^[[2J\n") }
        for arguments in [["token", "ls"], ["get", "tokens"]] {
            try await jctl(
                arguments,
                routes: ["GET /tokens": { _ in .json(#"{"items":[\#(token)],"next":null}"#) }]
            ) { ran, _ in
                #expect(ran.out.contains("alice") && !ran.out.contains("fct_1"))
            }
        }
        try await jctl(
            ["token", "rm", "a"], routes: ["DELETE /tokens/a": { _ in .json("", status: 204) }]
        ) { ran, _ in
            #expect(ran.code == 0, "\(ran.err)")
        }
    }
}
