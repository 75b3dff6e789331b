import ArgumentParser
import Foundation
import Testing

@testable import Commands

@Suite struct EndpointTests {
    private func context(_ environment: [String: String]) -> (Context, RecordingConsole) {
        let console = RecordingConsole()
        return (Context(console: console, environment: environment), console)
    }

    private func options(_ arguments: [String] = []) throws -> GlobalOptions {
        try GlobalOptions.parse(arguments)
    }

    @Test(arguments: [
        ("/run/x.sock", Endpoint.Address.socket(path: "/run/x.sock")),
        ("unix:///run/x.sock", .socket(path: "/run/x.sock")),
        ("unix:/run/x.sock", .socket(path: "/run/x.sock")),
        ("./x.sock", .socket(path: "./x.sock")), ("~/x", .socket(path: "/home/me/x")),
        ("https://spark:8443", .url("https://spark:8443")),
        ("https://spark:8443/api/v1/", .url("https://spark:8443")),
        ("spark:8443", .url("https://spark:8443")), ("[::1]:8443", .url("https://[::1]:8443")),
    ])
    func readsAddresses(_ text: String, _ address: Endpoint.Address) throws {
        #expect(try Endpoint.parseAddress(text, home: "/home/me") == address)
    }

    @Test(arguments: ["", "ftp://x", "https://", "https://me:secret@x", "a b", "http://"])
    func refusesOthers(_ text: String) {
        let error = #expect(throws: CommandError.self) {
            try Endpoint.parseAddress(text, home: nil)
        }
        #expect(error?.status == .usage)
    }

    @Test func flagBeatsVariableBeatsContextBeatsSocket() async throws {
        try await withFolder { folder in
            let config = """
                current: lab
                contexts:
                  lab: {endpoint: "https://lab:8443", caFile: /etc/lab.pem}
                  home: {endpoint: /home/x.sock}
                """
            try config.write(toFile: folder + "/c.yaml", atomically: true, encoding: .utf8)
            var variables = ["JCTL_CONFIG": folder + "/c.yaml", "JCTL_ENDPOINT": "https://var:1"]
            func found(_ arguments: [String]) throws -> Endpoint {
                try Endpoint.resolve(options(arguments), context(variables).0)
            }
            #expect(try found(["--endpoint", "https://flag:2"]).description == "https://flag:2")
            #expect(try found([]).description == "https://var:1")
            #expect(try found(["--context", "home"]).description == "/home/x.sock")
            variables["JCTL_ENDPOINT"] = nil
            #expect(try found([]).description == "https://lab:8443")
            #expect(try found([]).caFile == "/etc/lab.pem")
            let wrong = #expect(throws: CommandError.self) { try found(["--context", "hme"]) }
            #expect(wrong?.hint == "did you mean 'home'?")
            variables["JCTL_CONFIG"] = folder + "/none.yaml"
            variables["JESSICA_STATE_DIR"] = folder
            #expect(try found([]).description == folder + "/controller.sock")
            variables["JESSICA_STATE_DIR"] = nil
            #expect(try found([]).description == "/run/jessica/controller.sock")
        }
    }

    @Test func brokenConfigurationIsNamed() async throws {
        try await withFolder { folder in
            let path = folder + "/c.yaml"
            try "contexts: {a: {}}".write(toFile: path, atomically: true, encoding: .utf8)
            let ran = await jctl(["status"], environment: ["JCTL_CONFIG": path])
            #expect(ran.code == 2)
            #expect(ran.err.contains("cannot read \(path): 'endpoint' is missing"))
        }
    }

    @Test func tokensComeFromFilesOnly() async throws {
        try await withFolder { folder in
            let path = folder + "/token"
            try "s3cret\n".write(toFile: path, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
            let (context, console) = context(["JCTL_TOKEN_FILE": path])
            #expect(try Credentials.token(in: path, context) == "s3cret")
            #expect(console.err.contains("chmod 600"))
            let local = try Endpoint.resolve(
                options(["--endpoint", "http://127.0.0.1:1"]), context)
            #expect(local.token == "s3cret")
            let error = #expect(throws: CommandError.self) {
                try Endpoint.resolve(options(["--endpoint", "http://spark:8080"]), context)
            }
            #expect(error?.why == "it is not encrypted")
            try "a\nb\n".write(toFile: path, atomically: true, encoding: .utf8)
            #expect(throws: CommandError.self) { try Credentials.token(in: path, context) }
            let missing = await jctl(
                ["status", "--token-file", folder + "/none"], at: "https://x:1")
            #expect(missing.code == 4)
            #expect(missing.err.contains("there is no such file"))
        }
    }

    @Test func aTokenIsSentOverTCPButNotTheSocket() async throws {
        try await withFolder { folder in
            let path = folder + "/token"
            try "s3cret".write(toFile: path, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            try await jctl(
                ["status", "--token-file", path],
                routes: ["GET /summary": { _ in .json(Samples.summary) }]
            ) { ran, stub in
                #expect(ran.code == 0)
                #expect(stub.requests.first?.header("Authorization") == nil)
            }
        }
    }

    @Test func namesOfAnyKindStayOneSegment() {
        #expect(Resource("jobs", "a/../b?c#d e").target == "/api/v1/jobs/a%2F..%2Fb%3Fc%23d%20e")
        #expect(Resource("nodes", "..").target == "/api/v1/nodes/%2E%2E")
        #expect(
            Resource("jobs", query: [("a", "x&y=é"), ("b", nil), ("c", "1")]).target
                == "/api/v1/jobs?a=x%26y%3D%C3%A9&c=1")
    }
}
