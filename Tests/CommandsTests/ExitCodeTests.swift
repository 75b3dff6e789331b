import ArgumentParser
import Foundation
import Testing

@testable import Commands

@Suite struct ExitCodeTests {
    @Test(arguments: [
        (400, "invalid", 2), (401, "unauthenticated", 4), (403, "forbidden", 4),
        (404, "not_found", 5), (409, "conflict", 6), (412, "changed", 6), (408, "timeout", 8),
        (422, "invalid_job", 2), (422, "cannot_place", 1), (422, "idempotency_mismatch", 6),
        (429, "busy", 1), (500, "internal", 1), (503, "not_ready", 7), (504, "timeout", 8),
    ])
    func eachAnswerHasItsCode(_ status: Int, _ code: String, _ exit: Int32) async throws {
        try await jctl(
            ["status", "--debug"],
            routes: ["GET /summary": { _ in .error(status, code, "because", #""a","b""#) }]
        ) { ran, _ in
            #expect(ran.code == exit)
            #expect(ran.out == "")
            #expect(ran.err.hasPrefix("jctl: cannot show the status: because\n  a\n  b\n"))
            #expect(ran.err.contains("code: \(code)\nrequest id: req-7\n"))
        }
    }

    @Test func anAnswerWithoutABodyIsExplained() async throws {
        try await jctl(
            ["status"], routes: ["GET /summary": { _ in StubAnswer(status: 500) }]
        ) { ran, _ in
            #expect(ran.code == 1)
            #expect(ran.err == "jctl: cannot show the status: 500 Internal Server Error\n")
        }
    }

    @Test func anUnreadableAnswerIsExplained() async throws {
        for body in ["<html>", #"{"items": {}}"#] {
            try await jctl(
                ["get", "jobs"], routes: ["GET /jobs": { _ in .json(body) }]
            ) { ran, _ in
                #expect(ran.code == 1)
                #expect(ran.err.contains("the controller's answer cannot be read"))
                #expect(ran.err.contains("hint: `jctl version`"))
            }
        }
    }

    @Test func noSocketIsUnreachable() async {
        let ran = await jctl(["status"], at: "/tmp/there-is-none.sock")
        #expect(ran.code == 7)
        #expect(
            ran.err == """
                jctl: cannot show the status: controller unreachable (/tmp/there-is-none.sock, \
                from JCTL_ENDPOINT: there is no socket at /tmp/there-is-none.sock)
                hint: is spark-controller running? Choose another with --endpoint or JCTL_ENDPOINT

                """)
        let none = await jctl(["status"])
        #expect(none.code == 7)
        #expect(
            none.err.contains("no endpoint is set, and there is no /run/jessica/controller.sock"))
        // To anybody but root the folder of the service's socket looks empty.
        #expect(none.err.contains("hint: on the controller's machine use sudo"))
    }

    @Test func nobodyListeningIsUnreachable() async throws {
        let refused = await jctl(["status"], at: "https://127.0.0.1:1")
        #expect(refused.code == 7)
        try await withFolder { folder in
            try "x".write(toFile: folder + "/f", atomically: true, encoding: .utf8)
            let ran = await jctl(["status"], at: folder + "/f")
            #expect(ran.code == 7)
            #expect(ran.err.contains("controller unreachable"))
        }
    }

    @Test func aLostAnswerIsUnreachable() async throws {
        try await jctl(["status"], routes: ["GET /summary": { _ in .dropped }]) { ran, _ in
            #expect(ran.code == 7)
            #expect(ran.err.contains("it closed the connection"))
        }
    }

    @Test(arguments: [
        ["frobnicate"], ["get"], ["get", "jobs", "--limit", "x"], ["get", "jobs", "--nonsense"],
        ["assign", "agx-11"], ["assign", "agx-11", "--cluster", "a", "--image", "b"],
        ["submit", "--kind", "image", "--priority", "11"], ["run", "--", "ls"],
        ["submit", "--kind", "image", "--input", "{"],
        ["submit", "--kind", "image", "--input", "[]"],
        ["drain", "agx-01", "--deadline", "soon"], ["wait", "j", "--for", "runing"],
        ["get", "nodes", "--kind", "image"], ["apply", "-f", "/tmp/there-is-none.yaml"],
        ["get", "jobs", "-o", "xml"], ["ask", " "],
    ])
    func wrongUseIsTwo(_ arguments: [String]) async {
        let ran = await jctl(arguments, at: "/tmp/there-is-none.sock")
        #expect(ran.code == 2, "\(ran.err)")
        #expect(ran.out == "")
        #expect(ran.err != "")
    }

    @Test func misspeltWordsAreSuggested() async {
        #expect(await jctl(["gte", "jobs"]).err.contains("did you mean 'get'?"))
        #expect(await jctl(["get", "jbos"]).err.contains("did you mean 'jobs'?"))
        #expect(await jctl(["describe", "romer", "x"]).err.contains("did you mean 'roamer'?"))
        #expect(
            await jctl(["wait", "j", "--for", "runing"]).err.contains("did you mean 'running'?"))
    }

    @Test func helpLeadsWithExamples() async {
        let root = await jctl(["--help"])
        #expect(root.code == 0)
        #expect(root.out.contains("EXIT CODES: 0 ok"))
        for verb in Jctl.configuration.subcommands.map({ $0._commandName }) {
            let ran = await jctl([verb, "--help"])
            #expect(ran.code == 0)
            #expect(ran.err == "")
            let examples = ran.out.range(of: "EXAMPLES:")?.lowerBound
            let usage = ran.out.range(of: "USAGE:")?.lowerBound
            #expect(
                examples != nil && usage != nil && examples ?? "".endIndex < usage ?? "".endIndex)
            #expect(ran.lines.allSatisfy { $0.count <= 100 }, "\(verb)")
        }
    }

    @Test func globalOptionsMayStandBeforeTheVerb() async throws {
        try await Stub.serve { _ in
            .json(Samples.summary)
        } _: { stub in
            for arguments in [
                ["--endpoint", stub.socket, "status"],
                ["--endpoint=\(stub.socket)", "--debug", "status"],
                ["status", "--endpoint", stub.socket],
            ] {
                #expect(await jctl(arguments).code == 0)
            }
        }
    }

    @Test func messagesFromTheControllerCannotSteerTheTerminal() async throws {
        try await jctl(
            ["status"],
            routes: ["GET /summary": { _ in .error(500, "x", #"\u001b]0;owned\u0007"#) }]
        ) { ran, _ in
            #expect(ran.err.contains("^[]0;owned^G"))
            #expect(!ran.err.contains("\u{1B}"))
        }
    }
}
