import Foundation
import Testing

@testable import Commands

@Suite struct ContextTests {
    @Test func contextsAreKeptAndChosen() async throws {
        try await withFolder { folder in
            let environment = ["JCTL_CONFIG": folder + "/jctl/config.yaml"]
            func run(_ words: String...) async -> Ran {
                await jctl(["context"] + words, environment: environment)
            }
            #expect(await run().err.contains("no contexts"))
            let first = await run(
                "set", "home", "--endpoint", "https://spark:8443", "--token-file", "/x/token")
            #expect(first.code == 0)
            #expect(await run("set", "lab", "--endpoint", "/run/lab.sock").code == 0)
            #expect(await run("ls", "-o", "name").out == "home\nlab\n")
            #expect(await run("ls").out.contains("home  *        https://spark:8443"))
            #expect(await run("use", "lab").code == 0)
            let unreachable = await jctl(["get", "nodes"], environment: environment)
            #expect(unreachable.code == 7)
            #expect(unreachable.err.contains("/run/lab.sock"))
            #expect(await run("rm", "lab").code == 0)
            #expect(await run("use", "lab").code == 2)
            #expect(await run("ls", "-o", "name").out == "home\n")
            let attributes = try FileManager.default.attributesOfItem(
                atPath: folder + "/jctl/config.yaml")
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        }
    }

    @Test(
        "What is no context is refused",
        arguments: [
            ["set", "x"], ["set"], ["use"], ["set", "a b", "--endpoint", "/x"], ["lst"],
            ["set", "x", "--endpoint", "ftp://x"],
        ])
    func refused(words: [String]) async throws {
        try await withFolder { folder in
            let ran = await jctl(
                ["context"] + words, environment: ["JCTL_CONFIG": folder + "/config.yaml"])
            #expect(ran.code == 2)
            #expect(!FileManager.default.fileExists(atPath: folder + "/config.yaml"))
        }
    }
}

extension ContextTests {
    @Test func aFileThatCannotBeReadIsNotTakenForNone() async throws {
        try await withFolder { folder in
            let environment = ["JCTL_CONFIG": folder]
            let ran = await jctl(["get", "nodes"], environment: environment)
            #expect(ran.code == 2 && ran.err.contains("cannot read \(folder)"), "\(ran)")
            let set = await jctl(
                ["context", "set", "x", "--endpoint", "/x"], environment: environment)
            #expect(set.code == 2 && set.err.contains("cannot read \(folder)"), "\(set)")
        }
    }
}

@Suite struct CompletionTests {
    @Test(arguments: ["bash", "zsh", "fish"])
    func scripts(shell: String) async {
        let ran = await jctl(["completion", shell])
        #expect(ran.code == 0)
        #expect(ran.out.contains("uncordon"))
    }

    @Test func anUnknownShell() async {
        #expect(await jctl(["completion", "csh"]).code == 2)
    }

    private func names(
        _ list: Resource, _ prefix: String, are expected: [String],
        _ answer: @escaping @Sendable (StubRequest) async -> StubAnswer
    ) async throws {
        try await Stub.serve(answer) { stub in
            // As patient as it takes: what is looked at is not the time.
            let context = Context(
                console: RecordingConsole(), environment: ["HOME": "/nonexistent"],
                pause: { _ in try await Task.sleep(for: .seconds(60)) })
            let words = ["jctl", "x", "--endpoint", stub.socket]
            let found = await NameCompletion.names(list, words, prefix, context)
            #expect(found == expected)
        }
    }

    @Test func namesComeFromTheController() async throws {
        try await names(NameCompletion.list(of: .nodes), "agx-1", are: ["agx-11", "agx-12"]) {
            request in
            guard request.route == "GET /nodes" else { return .error(404, "not_found", "no") }
            return .json(
                #"{"items":[{"name":"agx-01"},{"name":"agx-11"},{"name":"agx-12"}],"next":null}"#)
        }
    }

    @Test func namesOfContextsComeFromTheFile() async throws {
        try await withFolder { folder in
            let path = folder + "/config.yaml"
            let text =
                "contexts: {home: {endpoint: /a}, house: {endpoint: /b}, lab: {endpoint: /c}}\n"
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            let context = Context(console: RecordingConsole(), environment: ["JCTL_CONFIG": path])
            #expect(NameCompletion.contextNames("ho", context) == ["home", "house"])
        }
        let none = Context(console: RecordingConsole(), environment: ["HOME": "/nonexistent"])
        #expect(NameCompletion.contextNames("", none).isEmpty)
    }

    @Test func aControllerThatIsAwayGivesNone() async throws {
        let jobs = NameCompletion.list(of: .jobs)
        try await names(jobs, "", are: []) { _ in .error(503, "store_unavailable", "no") }
        let context = Context(
            console: RecordingConsole(), environment: ["JCTL_ENDPOINT": "/nowhere.sock"])
        #expect(await NameCompletion.names(jobs, [], "", context).isEmpty)
    }
}
