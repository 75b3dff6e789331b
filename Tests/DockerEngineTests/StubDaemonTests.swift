import Logging
import NIOCore
import Synchronization
import Testing

@testable import DockerEngine

/// What a real engine does only when it is broken, busy or of another version.
@Suite("Against scripted daemons", .timeLimit(.minutes(2)))
struct StubDaemonTests {
    @Test(
        "uses the lower of both newest versions",
        arguments: [("1.40", "1.40"), ("1.41", "1.41"), ("1.44", "1.44"), ("1.52", "1.44")])
    func negotiation(_ sample: (String, String)) async throws {
        try await StubDaemon.run(api: sample.0) { _ in
            .full(200, "[]")
        } _: { engine, stub in
            _ = try await engine.list()
            _ = try await engine.list()
            let paths = stub.requestLines.map { String($0.prefix { $0 != "?" }) }
            #expect(
                paths == [
                    "GET /_ping HTTP/1.1", "GET /v\(sample.1)/containers/json",
                    "GET /v\(sample.1)/containers/json",
                ])
        }
    }

    @Test(
        "asks for what there is with the version that tells of devices, where the daemon has it",
        arguments: [("1.41", "1.41"), ("1.49", "1.49"), ("1.50", "1.50"), ("1.52", "1.50")])
    func devices(_ sample: (String, String)) async throws {
        let gpu = "nvidia.com/gpu=all"
        let devices = #"[{"Source":"cdi","ID":"\#(gpu)"}]"#
        try await StubDaemon.run(api: sample.0) { request in
            if request.contains("/containers/") { return .full(200, "[]") }
            // Daemons leave out what a version did not have.
            let tells = request.hasPrefix("GET /v1.50/") || request.hasPrefix("GET /v1.52/")
            return .full(200, tells ? #"{"DiscoveredDevices":\#(devices)}"# : "{}")
        } _: { engine, stub in
            let info = try await engine.info()
            #expect(info.cdiDevices == (sample.1 == "1.50" ? [gpu] : []))
            #expect(stub.requestLines.last == "GET /v\(sample.1)/info HTTP/1.1")
            _ = try await engine.list()
            let version = min(APIVersion(sample.0) ?? .floor, .ceiling)
            #expect(stub.requestLines.last?.hasPrefix("GET /v\(version)/containers/") == true)
        }
    }

    @Test("refuses a daemon that is too old, or tells no version", arguments: ["1.39", "x"])
    func tooOld(_ api: String) async throws {
        try await StubDaemon.run(api: api) { _ in
            .silence
        } _: { engine, _ in
            let code = await failureCode { try await engine.info() }
            #expect(code == (api == "1.39" ? .unsupportedVersion : .malformedAnswer))
        }
    }

    @Test("negotiates again when the daemon refuses the version")
    func renegotiation() async throws {
        let newest = Mutex("1.41")
        try await StubDaemon.run(api: "") { request in
            let api = newest.withLock { $0 }
            if request.hasPrefix("GET /_ping ") {
                return .full(200, "OK", headers: ["Api-Version": api])
            }
            guard request.contains("/v\(api)/") else {
                // Plain text, as old daemons have it.
                return .full(
                    400, "client version is too old. Minimum supported API version is 1.44\n")
            }
            return .full(200, #"{"NCPU":4}"#)
        } _: { engine, stub in
            let before = try await engine.info()
            newest.withLock { $0 = "1.44" }
            let after = try await engine.info()
            #expect(stub.requestLines.count == 5)
            let later = try await engine.info()
            #expect([before, after, later].map(\.ncpu) == [4, 4, 4])
            #expect(stub.requestLines.count == 6)
        }
    }

    @Test("speaks the oldest version of a daemon that refuses ours, until it is another daemon")
    func tooNew() async throws {
        let takes = Mutex("1.50")
        try await StubDaemon.run(api: "1.60") { request in
            let least = takes.withLock { $0 }
            if request.contains("/v\(least)/") { return .full(200, "[]") }
            let fault = least == "1.44" ? "too new. Maximum" : "too old. Minimum"
            return .full(
                400,
                #"{"message":"client version x is \#(fault) supported API version is \#(least), please"}"#
            )
        } _: { engine, stub in
            func versions(_ body: () async throws -> Void) async throws -> [String] {
                let before = stub.requestLines.count
                try await body()
                return stub.requestLines.dropFirst(before).map {
                    String($0.dropFirst("GET /".count).prefix { $0 != "/" && $0 != " " })
                }
            }
            let list = { () async throws -> Void in _ = try await engine.list() }
            #expect(try await versions(list) == ["_ping", "v1.44", "_ping", "v1.50"])
            #expect(try await versions(list) == ["v1.50"])
            let version = try await engine.ping()
            #expect(version.negotiated == APIVersion(major: 1, minor: 50))
            takes.withLock { $0 = "1.44" }
            #expect(try await versions(list) == ["v1.50", "_ping", "v1.44"])
        }
    }

    @Test(
        "reads what a daemon takes at least",
        arguments: [
            (
                "client version 1.44 is too old. Minimum supported API version is 1.52, please",
                "1.52"
            ),
            ("client version 1.44 is too old. Minimum supported API version is 1.52.", "1.52"),
            ("client version 1.44 is too new. Maximum supported API version is 1.41", nil),
            ("Minimum supported API version is none", nil), ("", nil),
        ] as [(String, String?)])
    func least(_ refusal: String, _ version: String?) {
        #expect(APIVersion(leastIn: refusal)?.description == version)
    }

    @Test("gives up when no version pleases the daemon")
    func hopeless() async throws {
        try await StubDaemon.run { _ in
            .full(
                400,
                #"{"message":"client version 1.41 is too old. Minimum supported API version is 1.60"}"#
            )
        } _: { engine, stub in
            #expect(await failureCode { try await engine.info() } == .unsupportedVersion)
            #expect(stub.requestLines.count == 4)
        }
    }

    @Test("is unavailable without a socket, and after a shutdown")
    func unavailable() async throws {
        let engine = DockerEngine(
            socketPath: "/tmp/no such folder/x.sock", logger: Logger(label: "t"))
        #expect(await failureCode { try await engine.ping() } == .unavailable)
        #expect(await failureCode { try await engine.list() } == .unavailable)
        try await engine.shutdown()
        #expect(await failureCode { try await engine.ping() } == .unavailable)
    }

    @Test("does not wait for a daemon that hangs")
    func hangs() async throws {
        try await StubDaemon.run(requestTimeout: .milliseconds(200)) { _ in
            .silence
        } _: {
            engine, _ in
            #expect(await failureCode { try await engine.info() } == .timedOut)
            #expect(await failureCode { try await engine.events() } == .timedOut)
            #expect(await failureCode { try await engine.start("x") } == .timedOut)
        }
    }

    @Test("does not wait for a body that hangs")
    func bodyHangs() async throws {
        try await StubDaemon.run(requestTimeout: .milliseconds(200)) { _ in
            .chunks(["{"], end: false)
        } _: { engine, _ in
            #expect(await failureCode { try await engine.info() } == .timedOut)
        }
    }

    @Test("refuses answers that are endless, no JSON, no HTTP or cut")
    func garbage() async throws {
        let samples: [(StubReply, DockerError.Code)] = [
            (.endless(String(repeating: " ", count: 60_000)), .tooLarge),
            (.full(200, "<html>"), .malformedAnswer), (.full(200, ""), .malformedAnswer),
            (.raw("SSH-2.0-OpenSSH\r\n\r\n"), .malformedAnswer),
            (.raw(""), .unavailable), (.cut(["{"]), .unavailable),
            (.full(301, "", headers: ["Location": "http://example.invalid/"]), .other),
        ]
        for sample in samples {
            try await StubDaemon.run { _ in
                sample.0
            } _: { engine, _ in
                #expect(await failureCode { try await engine.info() } == sample.1)
            }
        }
    }

    @Test("events end when the daemon goes, and fail on garbage")
    func events() async throws {
        let event = #"{"Type":"container","Action":"die","Actor":{"ID":"a"}}"# + "\n"
        for reply in [StubReply.chunks([event]), .cut([event])] {
            try await StubDaemon.run { _ in
                reply
            } _: { engine, _ in
                var count = 0
                for try await _ in try await engine.events() { count += 1 }
                #expect(count == 1)
            }
        }
        try await StubDaemon.run { _ in
            .chunks([event, "garbage\n"])
        } _: { engine, _ in
            let code = await failureCode {
                for try await _ in try await engine.events() {}
            }
            #expect(code == .malformedAnswer)
        }
        try await StubDaemon.run { _ in
            .endless(String(repeating: "x", count: 60_000))
        } _: {
            engine, _ in
            let code = await failureCode {
                for try await _ in try await engine.events() {}
            }
            #expect(code == .malformedAnswer)
        }
    }

    @Test("a wait that the daemon's end cuts short is not an exit")
    func waitCut() async throws {
        for reply in [StubReply.chunks([]), .cut([]), .cut([#"{"StatusCode":0"#])] {
            try await StubDaemon.run { _ in
                reply
            } _: { engine, _ in
                #expect(await failureCode { try await engine.wait("x") } == .unavailable)
            }
        }
    }

    @Test("a wait asks the container, and waits again while that runs")
    func waitChecks() async throws {
        let inspections = Mutex(0)
        try await StubDaemon.run { request in
            if request.contains("/wait") { return .chunks([#"{"StatusCode":0,"Error":null}"#]) }
            let count = inspections.withLock {
                $0 += 1
                return $0
            }
            let state = count < 3 ? "running" : "exited"
            return .full(200, #"{"Id":"x","State":{"Status":"\#(state)","ExitCode":9}}"#)
        } _: { engine, _ in
            let code = try await engine.wait("x")
            #expect(code == 9)
        }
        try await StubDaemon.run { request in
            request.contains("/wait")
                ? .chunks([#"{"StatusCode":5,"Error":null}"#]) : .full(404, #"{"message":"gone"}"#)
        } _: { engine, _ in
            let code = try await engine.wait("x")
            #expect(code == 5)
        }
    }

    @Test("removes again while a removal is in progress")
    func removal() async throws {
        let tries = Mutex(0)
        try await StubDaemon.run { _ in
            let count = tries.withLock {
                $0 += 1
                return $0
            }
            return count < 4
                ? .full(409, #"{"message":"removal of container x is already in progress"}"#)
                : .full(404, #"{"message":"No such container: x"}"#)
        } _: { engine, _ in
            try await engine.remove("x")
            #expect(tries.withLock { $0 } == 4)
        }
    }

    @Test("settles on the older of two networks of one name and removes its own")
    func duplicateNetworks() async throws {
        let isMade = Mutex(false)
        try await StubDaemon.run { request in
            if request.contains("/networks/create") {
                isMade.withLock { $0 = true }
                return .full(201, #"{"Id":"young"}"#)
            }
            if request.hasPrefix("DELETE") { return .full(204, "") }
            let older =
                #"{"Id":"old","Name":"n","Created":"2026-01-01T00:00:00Z","Labels":{"a":"b"}}"#
            let younger =
                #"{"Id":"young","Name":"n","Created":"2026-01-02T00:00:00Z","Labels":{"a":"b"}}"#
            let other = #"{"Id":"x","Name":"nn","Created":"2025-01-02T00:00:00Z"}"#
            return .full(
                200, isMade.withLock { $0 } ? "[\(younger),\(other),\(older)]" : "[\(other)]")
        } _: { engine, stub in
            let network = try await engine.ensureNetwork(name: "n", labels: ["a": "b"])
            #expect(network.id == "old")
            #expect(stub.requestLines.last == "DELETE /v1.41/networks/young HTTP/1.1")
        }
    }

    @Test("logs that break off inside a message are not an end")
    func logsCut() async throws {
        try await StubDaemon.run { request in
            request.contains("/json")
                ? .full(200, #"{"Id":"x","State":{"Status":"running"}}"#)
                : .chunks(["\u{1}\0\0\0\0\0\0\u{9}abc"])
        } _: { engine, _ in
            #expect(await failureCode { try await output(engine, "x") } == .unavailable)
        }
    }
}
