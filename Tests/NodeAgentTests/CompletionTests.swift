import AsyncHTTPClient
@testable import FleetCore
import Foundation
import Testing
@testable import WorkerContracts

@testable import NodeAgent

@Suite(.timeLimit(.minutes(1))) struct CompletionTests {
    private let key = AttemptKey(job: "J", number: 3)

    private func order(_ input: String = #"{"prompt":"Hi","model":"m"}"#) -> AttemptOrder {
        AttemptOrder(key: key, place: .worker("w"), input: input, kind: .text)
    }

    private func fact(_ address: String?) -> ContainerFact {
        ContainerFact(id: "c", purpose: .other, isRunning: true, address: address)
    }

    /// What a test works with.
    private struct Bench: Sendable {
        let completions: Completions
        let folders: AttemptFolders
        let outbox: LogOutbox
        let posted: Posted<AgentEvent>

        /// Waits for an event; all that came until then.
        func events(until isWanted: (AgentEvent) -> Bool) async throws -> [AgentEvent] {
            var events: [AgentEvent] = []
            while !events.contains(where: isWanted) {
                try await Task.sleep(for: .milliseconds(10))
                events += posted.all()
            }
            return events
        }
    }

    private func withBench(_ body: (Bench) async throws -> Void) async throws {
        try await withFolder { folder in
            let http = HTTPClient(configuration: OpenAIWorker.clientConfiguration())
            let posted = Posted<AgentEvent>()
            let folders = AttemptFolders(root: folder)
            let outbox = LogOutbox(logger: quiet, post: { posted.post($0) })
            let bench = Bench(
                completions: Completions(
                    http: http, folders: folders, outbox: outbox, inputs: .none,
                    logger: quiet,
                    post: { posted.post($0) }),
                folders: folders, outbox: outbox, posted: posted)
            do {
                try await body(bench)
            } catch {
                try? await http.shutdown()
                throw error
            }
            try await http.shutdown()
        }
    }

    /// Admits and does a request beside a body.
    private func run(
        _ bench: Bench, _ fact: ContainerFact, _ body: @Sendable () async throws -> Void = {}
    ) async throws {
        bench.completions.admit(key, fact)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [order = order()] in await bench.completions.run(order, fact) }
            try await body()
            try await group.waitForAll()
        }
    }

    @Test func aTextIsShownWhileItComesAndKeptWhenItIsWhole() async throws {
        try await withBench { bench in
            try await ModelServer.with(ModelServer.text) { _, address in
                try await run(bench, fact(address))
                #expect(
                    bench.posted.all() == [
                        .predictionStarted(key, .started),
                        .progress(key, Progress(text: "5 characters written")),
                        .predictionEnded(key, .succeeded),
                    ])
                #expect(
                    try await bench.folders.list(key).map(\.name) == ["response.json", "text.txt"])
                #expect(await bench.folders.ending(of: key) == .succeeded)
                #expect(bench.outbox.count == 1)
                #expect(!bench.completions.isBusy("c"))
            }
        }
    }

    /// What the work wrote, in a piece of its log.
    private func content(_ chunk: FleetCore.LogChunk) throws -> [UInt8] {
        var content: [UInt8] = []
        var index = 0
        while let record = try LogText.record(in: chunk.text, at: index) {
            #expect(record.source == .stdout, "nothing is left out")
            content += chunk.text[record.content]
            if record.endsLine { content.append(UInt8(ascii: "\n")) }
            index = record.end
        }
        return content
    }

    @Test func aTextIsReadNoFasterThanTheLinkTakesIt() async throws {
        let lines = (0..<2_500).map { "\($0) " + String(repeating: "x", count: 1_000) }
        let events = lines.map {
            #"data: {"choices":[{"delta":{"content":"\#($0)\n"}}]}"# + "\n\n"
        }
        let answer = ModelServer.stream + events.joined() + "data: [DONE]\n\n"
        let whole = Array(("Once " + lines.map { $0 + "\n" }.joined()).utf8)
        let isOpen = Latest(false)
        let sent = Posted<FleetCore.LogChunk>()
        try await withBench { bench in
            try await ModelServer.with(answer) { _, address in
                try await run(bench, fact(address)) {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask {
                            await bench.outbox.run { chunk in
                                if isOpen.value { sent.post(chunk) }
                                return isOpen.value
                            }
                        }
                        while bench.outbox.hasRoom(key) {
                            try await Task.sleep(for: .milliseconds(10))
                        }
                        #expect(bench.completions.isBusy("c"), "the server is not read on")
                        isOpen.set(true)
                        var seen: [UInt8] = []
                        while seen.count < whole.count {
                            try await Task.sleep(for: .milliseconds(10))
                            seen += try sent.all().flatMap(content)
                        }
                        #expect(seen == whole)
                        group.cancelAll()
                    }
                }
                #expect(bench.posted.all().last == .predictionEnded(key, .succeeded))
            }
        }
    }

    @Test func aStopClosesTheConnection() async throws {
        try await withBench { bench in
            try await ModelServer.with(ModelServer.stream) { server, address in
                try await run(bench, fact(address)) {
                    _ = try await bench.events { $0 == .predictionStarted(key, .started) }
                    #expect(bench.completions.isBusy("c") && !bench.completions.isBusy("d"))
                    bench.completions.cancel(key)
                }
                #expect(bench.posted.all().last == .predictionEnded(key, .cancelled))
                #expect(!bench.completions.isBusy("c"))
                while server.abandoned == 0 { try await Task.sleep(for: .milliseconds(10)) }
            }
        }
    }

    @Test func aStopCannotOvertakeItsStart() async throws {
        try await withBench { bench in
            try await ModelServer.with(ModelServer.stream) { _, address in
                bench.completions.admit(key, fact(address))
                bench.completions.cancel(key)
                await bench.completions.run(order(), fact(address))
                #expect(bench.posted.all().last == .predictionEnded(key, .cancelled))
                // Nothing is there any more: it has ended.
                bench.completions.cancel(key)
                #expect(bench.posted.all() == [.predictionEnded(key, .cancelled)])
            }
        }
    }

    @Test func aServerThatThinksForLongCountsAsBegun() async throws {
        try await withBench { bench in
            try await ModelServer.with("") { _, address in
                try await run(bench, fact(address)) {
                    let events = try await bench.events { $0 == .predictionStarted(key, .started) }
                    #expect(events.count == 1)
                    bench.completions.forget(key)
                }
            }
        }
    }

    @Test(arguments: [429, 503])
    func aBusyServerIsAskedLater(_ status: Int) async throws {
        try await withBench { bench in
            try await ModelServer.with(ModelServer.status(status)) { _, address in
                try await run(bench, fact(address))
                guard case .predictionStarted(key, .later) = bench.posted.all().last else {
                    Issue.record("not later")
                    return
                }
            }
        }
    }

    @Test(arguments: [(400, FailureCode.invalidInput), (401, .workFailed), (500, .workFailed)])
    func whatAServerRefusesIsRefused(_ status: Int, _ code: FailureCode) async throws {
        try await withBench { bench in
            try await ModelServer.with(ModelServer.status(status)) { _, address in
                try await run(bench, fact(address))
                guard case .predictionStarted(key, .refused(let failure)) = bench.posted.all().last
                else {
                    Issue.record("not refused")
                    return
                }
                #expect(failure.code == code)
            }
        }
    }

    @Test func nobodyThereIsUnreachable() async throws {
        try await withBench { bench in
            for address in [nil, "127.0.0.1:1"] {
                try await run(bench, fact(address))
                guard case .predictionStarted(key, .unreachable) = bench.posted.all().last else {
                    Issue.record("reached")
                    return
                }
            }
        }
    }

    @Test func afterARestartTheWorkIsLostUnlessItsEndWasNoted() async throws {
        try await withBench { bench in
            await bench.completions.await(key)
            guard case .predictionEnded(key, .failed(let failure)) = bench.posted.all().last else {
                Issue.record("not failed")
                return
            }
            #expect(failure.code == .resultLost)
            try await bench.folders.note(.succeeded, key)
            await bench.completions.await(key)
            #expect(bench.posted.all() == [.predictionEnded(key, .succeeded)])
        }
    }

    @Test func theAgentsOwnEndIsNobodysFailure() async throws {
        try await withBench { bench in
            try await ModelServer.with(ModelServer.stream) { _, address in
                bench.completions.admit(key, fact(address))
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { [order = order(), fact = fact(address)] in
                        await bench.completions.run(order, fact)
                    }
                    _ = try? await bench.events { $0 == .predictionStarted(key, .started) }
                    group.cancelAll()
                }
                #expect(
                    !bench.posted.all().contains { event in
                        if case .predictionEnded = event { true } else { false }
                    })
                #expect(await bench.folders.ending(of: key) == nil)
            }
        }
    }

    @Test func aServerIsBusyWhileACallOfOursRuns() {
        #expect(Prober.readiness(.ready, isBusy: false) == .ready)
        #expect(Prober.readiness(.ready, isBusy: true) == .busy)
        #expect(Prober.readiness(.starting, isBusy: false) == .starting)
        #expect(Prober.readiness(.starting, isBusy: true) == .busy)
        #expect(Prober.readiness(.refused("key"), isBusy: false) == .failed("key"))
        #expect(Prober.readiness(.unwell("500"), isBusy: true) == .silent("500"))
    }
}
