@testable import FleetCore
import Foundation
import Testing

@testable import NodeAgent

@Suite struct JournalTests {
    private func sample() -> AgentJournal {
        var journal = AgentJournal()
        let spec = WorkerSpec(image: "spark:5000/a:1", memory: 1 << 30, devices: ["/dev/null"])
        journal.workers = [
            WorkerOrder(
                id: "sdxl-api", spec: spec, isPod: true, readyWithin: .seconds(90))
        ]
        let key = AttemptKey(job: "01J", number: 2)
        let place = AttemptPlace.container(
            ContainerOrder(image: "busybox", command: ["sh", "-c", "echo \"ä\""], memory: 5))
        var record = AttemptRecord(
            order: AttemptOrder(key: key, place: place, input: "{\"a\":1}", kind: .custom),
            phase: .running)
        record.container = ContainerFact(
            id: "abc", purpose: .attempt(key), isRunning: true, image: "sha256:1",
            address: "10.0.0.2:5000")
        record.error = Failure(.exitCode, "the command ended with code 3")
        journal.attempts = [record]
        journal.seen = [key]
        journal.term = 9
        journal.cleaned = 4
        journal.stopAfter = .milliseconds(1_500)
        return journal
    }

    @Test func comesBackAsItWas() async throws {
        try await withFolder { folder in
            let file = JournalFile(path: folder + "/journal.json")
            #expect(try file.load(logger: quiet) == AgentJournal())
            try file.save(sample())
            #expect(try file.load(logger: quiet) == sample())
            try file.save(AgentJournal())
            #expect(try file.load(logger: quiet) == AgentJournal())
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["journal.json"])
        }
    }

    @Test(arguments: ["", "{", "{\"version\":2,\"journal\":{}}", "[]", "\u{0}\u{1}", "null"])
    func damageIsMovedAside(_ text: String) async throws {
        try await withFolder { folder in
            let file = JournalFile(path: folder + "/journal.json")
            for number in 1...2 {
                try text.write(toFile: file.path, atomically: false, encoding: .utf8)
                #expect(try file.load(logger: quiet) == AgentJournal())
                let aside = "\(file.path).damaged-\(number)"
                #expect(try String(contentsOfFile: aside, encoding: .utf8) == text)
            }
            #expect(!FileManager.default.fileExists(atPath: file.path))
        }
    }

    @Test func everyTruncationIsSurvived() async throws {
        try await withFolder { folder in
            let file = JournalFile(path: folder + "/journal.json")
            try file.save(sample())
            let whole = try #require(FileManager.default.contents(atPath: file.path))
            for length in stride(from: 0, to: whole.count, by: 7) {
                try whole.prefix(length).write(to: URL(fileURLWithPath: file.path))
                #expect(try file.load(logger: quiet) == AgentJournal())
            }
        }
    }

    @Test func leaseIsOfOneBootOnly() async throws {
        try await withFolder { folder in
            let path = folder + "/lease"
            let file = LeaseFile(path: path, boot: "a")
            #expect(file.load() == nil)
            file.save(Instant(nanoseconds: 42))
            #expect(file.load() == Instant(nanoseconds: 42))
            #expect(LeaseFile(path: path, boot: "b").load() == nil)
            try "{".write(toFile: path, atomically: false, encoding: .utf8)
            #expect(file.load() == nil)
        }
    }

    @Test func startsAreCounted() async throws {
        try await withFolder { folder in
            let state = try StateFolder(folder)
            let first = try state.beginIncarnation()
            #expect(try StateFolder(folder).beginIncarnation().starts > first.starts)
            // The controller must see that it is another life, though nothing here tells.
            try FileManager.default.removeItem(atPath: state.starts)
            while StateFolder.uptime() <= .milliseconds(Int64(first.starts)) + .milliseconds(1) {}
            #expect(try state.beginIncarnation() != first)
            #expect(try state.beginIncarnation().boot == StateFolder.bootID())
            try "x".write(toFile: state.starts, atomically: false, encoding: .utf8)
            #expect(throws: AgentError.self) { try state.beginIncarnation() }
        }
    }

    @Test func oneAgentPerFolder() async throws {
        try await withFolder { folder in
            let state = try StateFolder(folder)
            let lock = try state.takeLock()
            do throws(AgentError) {
                _ = try state.takeLock()
                Issue.record("two agents in one folder")
            } catch {
                #expect(error.code == .locked)
            }
            _ = consume lock
            _ = try state.takeLock()
        }
    }

    @Test func secretStays() async throws {
        try await withFolder { folder in
            let key = AttemptKey(job: "J", number: 1)
            let first = Predictions.token(key, secret: try StateFolder(folder).secret())
            let again = Predictions.token(key, secret: try StateFolder(folder).secret())
            #expect(first == again)
            #expect(first.utf8.count == 64)
            let other = Predictions.token(
                AttemptKey(job: "J", number: 11), secret: try StateFolder(folder).secret())
            #expect(first != other)
            try await withFolder { elsewhere in
                let foreign = Predictions.token(key, secret: try StateFolder(elsewhere).secret())
                #expect(foreign != first)
            }
        }
    }
}
