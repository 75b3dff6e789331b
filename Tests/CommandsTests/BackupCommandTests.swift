import Foundation
import Testing

@testable import Commands

@Suite struct BackupCommandTests {
    private static let name = "2026-11-23T11-00-00.000Z"
    private static func record(_ state: String, _ more: String = "") -> String {
        #"{"name":"\#(name)","state":"\#(state)"\#(more),"links":{"self":"x"}}"#
    }
    private static let done =
        #","at":"2026-11-23T11:00:00.000Z","version":"0.1.0","size":5,"counts":{"jobs":3,"events":9},"damaged":0,"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824""#

    @Test func aLongBackupIsWaitedFor() async throws {
        let counter = Counter()
        try await jctl(
            ["backup"],
            routes: [
                "POST /backups": { _ in .json(Self.record("running"), status: 202) },
                "GET /backups/\(Self.name)": { _ in
                    .json(Self.record(counter.next() < 3 ? "running" : "done", Self.done))
                },
            ]
        ) { ran, stub in
            #expect(ran.code == 0 && ran.out.contains("\(Self.name): 3 jobs, 5 B"), "\(ran)")
            // The controller holds each of them until the end; nothing looks again and again.
            let looks = stub.requests("GET /backups/\(Self.name)")
            #expect(!looks.isEmpty && looks.allSatisfy { $0.query["wait"] == "60" })
        }
    }

    @Test func aCountBeyondAllBoundsIsShownAsNone() async throws {
        let strange = Self.done.replacing(#""jobs":3"#, with: #""jobs":1e300"#)
        try await jctl(
            ["backup"], routes: ["POST /backups": { _ in .json(Self.record("done", strange)) }]
        ) { ran, _ in
            #expect(ran.code == 0 && ran.out.contains("\(Self.name): -, 5 B"), "\(ran)")
        }
    }

    @Test func aFailedOneSaysWhy() async throws {
        try await jctl(
            ["backup"],
            routes: [
                "POST /backups": { _ in .json(Self.record("running"), status: 202) },
                "GET /backups/\(Self.name)": { _ in
                    .json(Self.record("failed", #","reason":"the disk is full""#))
                },
            ]
        ) { ran, _ in
            #expect(ran.code == 1 && ran.err.contains("the disk is full"), "\(ran)")
        }
    }

    @Test func theyAreListed() async throws {
        let routes: [String: @Sendable (StubRequest) async -> StubAnswer] = [
            "GET /backups": { _ in
                .json(#"{"items":[\#(Self.record("done", Self.done))],"next":null}"#)
            }
        ]
        try await jctl(["backup", "ls"], routes: routes) { ran, _ in
            #expect(ran.lines.count == 2 && ran.out.contains("1h"), "\(ran)")
        }
    }

    @Test func whichTheControllerMadeByItselfIsTold() async throws {
        let own = Self.record("done", Self.done + #","automatic":true"#)
        let routes: [String: @Sendable (StubRequest) async -> StubAnswer] = [
            "GET /backups": { _ in
                .json(#"{"items":[\#(own),\#(Self.record("done", Self.done))],"next":null}"#)
            }
        ]
        try await jctl(["backup", "ls", "-o", "wide"], routes: routes) { ran, _ in
            #expect(ran.lines.first?.contains("AUTOMATIC") == true, "\(ran)")
            let marks = ran.lines.dropFirst().map { $0.contains(" yes ") }
            #expect(marks == [true, false], "\(ran)")
        }
        try await jctl(["backup", "ls", "-o", "jsonl"], routes: routes) { ran, _ in
            let marks = ran.lines.map { $0.contains(#""automatic":true"#) }
            #expect(marks == [true, false], "\(ran)")
        }
    }

    @Test(arguments: [("hello", Int32(0)), ("hellO", 1)])
    func whatIsSavedIsWhole(_ bytes: String, _ code: Int32) async throws {
        try await withFolder { folder in
            try await jctl(
                ["backup", "get", "--out", "\(folder)/b.gz"],
                routes: [
                    "GET /backups": { _ in
                        .json(#"{"items":[\#(Self.record("done", Self.done))],"next":null}"#)
                    },
                    "GET /backups/\(Self.name)/archive": { _ in
                        .bytes(bytes, type: "application/gzip")
                    },
                ]
            ) { ran, _ in
                #expect(ran.code == code, "\(ran)")
                #expect(contents("\(folder)/b.gz") == (code == 0 ? "hello" : nil))
                guard code == 0 else { return }
                let mode = try FileManager.default.attributesOfItem(atPath: "\(folder)/b.gz")[
                    .posixPermissions]
                #expect((mode as? NSNumber)?.intValue == 0o600)
            }
        }
    }

    @Test func whatIsSavedIsToldToPrograms() async throws {
        try await withFolder { folder in
            try await jctl(
                ["backup", "get", Self.name, "--out", "\(folder)/b.gz", "-o", "jsonl"],
                routes: [
                    "GET /backups/\(Self.name)": { _ in .json(Self.record("done", Self.done)) },
                    "GET /backups/\(Self.name)/archive": { _ in
                        .bytes("hello", type: "application/gzip")
                    },
                ]
            ) { ran, _ in
                #expect(ran.code == 0 && ran.lines.count == 1, "\(ran)")
                #expect(ran.out.contains(#""path":"\#(folder)/b.gz""#))
            }
        }
    }

    @Test func restoreSaysWhatToDo() async throws {
        try await withFolder { folder in
            try Data([0x1F, 0x8B, 8]).write(to: URL(fileURLWithPath: folder + "/it's.gz"))
            try Data("text".utf8).write(to: URL(fileURLWithPath: folder + "/text"))
            let fine = await jctl(["restore", folder + "/it's.gz"])
            #expect(fine.code == 0)
            #expect(
                fine.out.contains(#"restore --force --from '\#(folder)/it'\''s.gz'"#), "\(fine)")
            let wrong = await jctl(["restore", folder + "/text"])
            #expect(wrong.code == 1 && wrong.err.contains("no gzip"))
            let place = await jctl(["restore", folder])
            #expect(place.code == 1 && place.err.contains("no gzip"), "\(place)")
        }
        try await jctl(["restore", "nothing"], routes: [:]) { ran, _ in #expect(ran.code == 5) }
    }
}
