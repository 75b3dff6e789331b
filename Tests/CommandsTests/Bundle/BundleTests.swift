import Foundation
import Testing

@testable import Commands

@Suite struct BundleTests {
    private static let token = "fct_CANARYCANARYCANARYCANARY"

    /// A controller with a secret wherever one can be.
    private static func answer(_ request: StubRequest) -> StubAnswer {
        let node = Samples.node.replacing(
            #""running":1"#, with: #""running":1,"reason":"Authorization: Bearer CANARY123""#)
        let job = Samples.failed(exitCode: 3)
            .replacing(#""prompt":"a sunset""#, with: #""prompt":"CANARY paints a secret sunset""#)
            .replacing(
                "exit code 3", with: "exit code 3: cannot read 'CANARY paints a secret sunset'"
            )
            .replacing(
                #""kind":"custom""#,
                with: #"""
                    "kind":"custom","command":["sh","-c","echo CANARY"],"labels":{"a":"CANARY"},\#
                    "outputs":[{"name":"CANARY.png","url":"http://s3/x?sig=CANARY"}],\#
                    "finishedAt":"2026-11-23T11:00:00.000Z"
                    """#)
        let old = Samples.job(
            "failed", id: "old", extra: #""finishedAt":"2026-11-20T11:00:00.000Z""#)
        // Two whose inputs a list has not all of: of one the whole is to be had, of the other not.
        let told = #""finishedAt":"2026-11-23T11:00:00.000Z","reason":"no: CANARY at its end""#
        let short = #"\#(told),"inputAbridged":true,"inputSize":9000"#
        let whole = Samples.job("failed", id: "large", extra: told)
            .replacing("a sunset", with: "a sunset, CANARY at its end")
        let lists = ["large", "away"].map { Samples.job("failed", id: $0, extra: short) }
        switch request.route {
        case "GET /jobs/large": return .json(whole)
        case "GET /jobs/away": return .json(lists[1])
        case "GET /version": return .json(#"{"version":"0.1.0","api":"v1","token":"CANARY"}"#)
        case "GET /diagnosis":
            return .json(
                #"{"at":"2026-11-23T12:00:00Z","next":null,"items":[{"name":"store","status":"failed","message":"redis://:CANARY@spark refuses"}]}"#
            )
        case "GET /summary": return .json(Samples.summary)
        case "GET /clusters": return .json(Samples.list(Samples.cluster))
        case "GET /roamers": return .json(Samples.list(Samples.roamer))
        case "GET /nodes": return .json(Samples.list(node))
        case "GET /fleet":
            return .json(
                #"{"revision":2,"source":"fleet: jessica # CANARY\nstorage: {secretKey: CANARY}\n"}"#
            )
        case "GET /fleet/history":
            return .json(
                #"{"items":[{"revision":1,"appliedAt":"x","source":"storage: {password: CANARY}"}],"next":null}"#
            )
        case "GET /jobs": return .json(Samples.list(job, old, lists[0], lists[1]))
        case "GET /events":
            let tail = request.query["tail"].flatMap { Int($0) } ?? 1_000
            let quotes = [
                event(2_499, job: "another", reason: "CANARY of an unknown job"),
                event(2_500, job: Samples.id, reason: "no: CANARY paints a secret"),
            ]
            let items = (1..<2_499).map { event($0, job: nil, reason: "why") } + quotes
            return .json(Self.list(items.suffix(tail)))
        case "GET /metrics":
            return .bytes("a_total 3\nb{url=\"http://x/?token=CANARY\"} 1\n", type: "text/plain")
        default: return .error(404, "not_found", "no \(request.route)")
        }
    }

    private static func list(_ items: some Sequence<String>) -> String {
        "{\"items\":[\(items.joined(separator: ","))],\"next\":null}"
    }

    private static func event(_ number: Int, job: String?, reason: String) -> String {
        let job = job.map { "\"\($0)\"" } ?? "null"
        return """
            {"seq":\(number),"at":"2026-11-23T11:59:00.000Z","type":"job.state","job":\(job),\
            "to":"failed","reason":"\(reason)"}
            """
    }

    /// Unpacks with the system's own tar; answers the files by their names.
    private static func unpack(_ path: String, to folder: String) throws -> [String: String] {
        let tar = Process()
        tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        tar.arguments = ["tar", "-xzf", path, "-C", folder]
        try tar.run()
        tar.waitUntilExit()
        #expect(tar.terminationStatus == 0)
        var files: [String: String] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
            guard let text = contents(folder + "/" + name) else { continue }
            files[(name as NSString).lastPathComponent] = text
        }
        return files
    }

    private static let names = [
        "version.json", "diagnosis.json", "summary.json", "nodes.jsonl", "clusters.json",
        "roamers.json", "cluster.yaml", "fleet-history.jsonl", "failed-jobs.jsonl", "events.jsonl",
        "metrics.txt", "context.json", "index.json",
    ]

    @Test func everythingIsThereAndNothingSecret() async throws {
        try await withFolder { folder in
            let config = folder + "/config.yaml"
            try Data(
                "current: home\ncontexts: {home: {endpoint: 'https://spark:8443/?a=CANARY', tokenFile: \(folder)/token}}\n"
                    .utf8
            ).write(to: URL(fileURLWithPath: config))
            try Data(Self.token.utf8).write(to: URL(fileURLWithPath: folder + "/token"))
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o600], ofItemAtPath: folder + "/token")
            try await Stub.serve {
                Self.answer($0)
            } _: { stub in
                let ran = await jctl(
                    [
                        "debug", "bundle", "--out", folder + "/out/b.tar.gz", "--token-file",
                        folder + "/token",
                    ], at: stub.socket,
                    environment: ["JCTL_CONFIG": config, "JESSICA_PASSWORD": "CANARY"])
                #expect(ran.code == 0, "\(ran.err)")
                #expect(ran.out == folder + "/out/b.tar.gz\n")
                #expect(ran.err.contains("metrics.txt: ") && !ran.err.contains("missing"))
                #expect(!ran.err.contains("CANARY"))
                let files = try Self.unpack(ran.lines[0], to: folder + "/out")
                for name in Self.names { #expect(files[name] != nil, "\(name)") }
                for (name, text) in files where name != "b.tar.gz" {
                    #expect(!text.contains("CANARY"), "\(name): \(text.prefix(2_000))")
                    #expect(!text.contains("secret sunset"), "\(name)")
                }
                #expect(files["events.jsonl"]?.split(separator: "\n").count == 2_000)
                #expect(files["events.jsonl"]?.contains(#""seq":2500"#) == true)
                #expect(files["events.jsonl"]?.contains(#""reason":"why""#) == true)
                #expect(files["failed-jobs.jsonl"]?.split(separator: "\n").count == 3)
                #expect(files["failed-jobs.jsonl"]?.contains(#""id":"away""#) == true)
                #expect(files["failed-jobs.jsonl"]?.contains("exit code 3: cannot read") == true)
                #expect(files["metrics.txt"]?.contains("a_total 3\n") == true)
                #expect(files["cluster.yaml"]?.contains("fleet: jessica") == true)
                #expect(files["nodes.jsonl"]?.contains("agx-01") == true)
                let mode = try FileManager.default.attributesOfItem(atPath: ran.lines[0])[
                    .posixPermissions]
                #expect((mode as? NSNumber)?.intValue == 0o600)
            }
        }
    }

    @Test func aMissingPartIsNotedAndTheRestIsThere() async throws {
        try await withFolder { folder in
            try await Stub.serve { request in
                request.route == "GET /diagnosis"
                    ? .error(403, "forbidden", "not for password=CANARY") : Self.answer(request)
            } _: { stub in
                let ran = await jctl(
                    ["debug", "bundle", "--out", folder + "/b.tar.gz"], at: stub.socket)
                #expect(ran.code == 0)
                #expect(ran.err.contains("diagnosis.json: missing, cannot gather it: not for"))
                #expect(ran.err.contains("1 part could not be had"))
                let files = try Self.unpack(ran.lines[0], to: folder)
                #expect(files["diagnosis.json"] == nil && files["nodes.jsonl"] != nil)
                let index = try JSONParser.parse(Data((files["index.json"] ?? "").utf8))
                let part = index["parts"]?.elements?.first { $0["file"]?.text == "diagnosis.json" }
                #expect(part?["there"] == .bool(false))
                #expect(part?["why"]?.text?.contains("not for password=[removed]") == true)
                // Another file of that name stays as it is.
                let again = await jctl(
                    ["debug", "bundle", "--out", folder + "/b.tar.gz"], at: stub.socket)
                #expect(again.out == folder + "/b-1.tar.gz\n")
            }
        }
    }

    @Test func withoutAControllerThereIsStillABundle() async throws {
        try await withFolder { folder in
            let ran = await jctl(
                ["debug", "bundle", "--out", folder + "/b.tar.gz"], at: folder + "/none.sock")
            #expect(ran.code == 0)
            #expect(ran.err.contains("11 parts could not be had"))
            let files = try Self.unpack(ran.lines[0], to: folder)
            #expect(files["context.json"] != nil)
            #expect(files["index.json"]?.contains("there is no socket at") == true)
        }
    }

    @Test func anArchiveOfAnySizeIsReadByTar() async throws {
        try await withFolder { folder in
            var tar = TarGz(modified: FakeTime.noon)
            let sizes = [0, 1, 511, 512, 513, 3_000_000]
            for size in sizes { tar.add("f/\(size)", Data(repeating: 0x61, count: size)) }
            let path = folder + "/a.tar.gz"
            try tar.finish().write(to: URL(fileURLWithPath: path))
            let files = try Self.unpack(path, to: folder)
            for size in sizes { #expect(files["\(size)"]?.utf8.count == size) }
        }
    }
}
