import Foundation
import Testing

@testable import Commands

/// Submissions whose answer is lost, or that are refused for now.
@Suite struct SubmitTests {
    typealias Answer = @Sendable (StubRequest) async -> StubAnswer

    private static let commands: [(words: [String], route: String)] = [
        (["submit", "--kind", "image"], "POST /jobs"),
        (["submit", "--kind", "image", "--count", "2"], "POST /plans"),
        (["run", "--image", "tool", "--detach"], "POST /jobs"),
        (["ask", "a sunset"], "POST /requests"),
    ]
    private static let unknown = StubAnswer.error(
        503, "outcome_unknown", "the store did not confirm in time")

    private static func later(_ status: Int, _ code: String, _ seconds: Int) -> StubAnswer {
        var answer = StubAnswer.error(status, code, "alice has enough")
        answer.headers.append(("Retry-After", "\(seconds)"))
        return answer
    }

    private static func keys(_ stub: Stub, _ route: String) -> [String] {
        stub.requests(route).compactMap { $0.header("Idempotency-Key") }
    }

    @Test(arguments: [
        ["submit", "--kind", "image", "--timeout", "5m"], ["ask", "a sunset", "--timeout", "5m"],
        ["submit", "--plan", "-", "--timeout", "5m"],
        ["run", "--image", "tool", "--detach", "--out", "."],
    ])
    func whatWouldBeIgnoredIsRefused(_ words: [String]) async throws {
        try await jctl(words, routes: [:]) { ran, stub in
            #expect(ran.code == 2 && stub.requests.isEmpty)
            #expect(
                ran.err.contains("--timeout goes with") || ran.err.contains("--out and --detach"))
        }
    }

    @Test func whatMayBeStoredIsAskedForAgainUnderTheSameKey() async throws {
        let tries = Counter()
        let answer: Answer = { _ in
            switch tries.next() {
            case 1: Self.unknown
            // It is known to be away by then, and what was sent first may still come to be stored.
            case 2: .error(503, "store_unavailable", "the store does not answer")
            default: .json(Samples.job("queued"), status: 202)
            }
        }
        try await jctl(["submit", "--kind", "image"], routes: ["POST /jobs": answer]) { ran, stub in
            #expect(ran.code == 0)
            #expect(ran.out == Samples.id + "\n")
            let keys = Self.keys(stub, "POST /jobs")
            #expect(keys.count == 3 && Set(keys).count == 1)
        }
    }

    @Test func theKeyIsNamedWhenItIsGivenUp() async throws {
        for (words, route) in Self.commands {
            let answer: Answer = { _ in Self.unknown }
            try await jctl(words, routes: [route: answer]) { ran, stub in
                #expect(ran.code == 7, "\(words)")
                let keys = Self.keys(stub, route)
                #expect(keys.count == 3 && Set(keys).count == 1, "\(words)")
                let key = try #require(keys.first)
                #expect(
                    ran.err.contains("it may have been accepted; with --idempotency-key \(key) "))
            }
            // The key that was named is taken.
            try await jctl(words + ["--idempotency-key", "k"], routes: [route: answer]) { _, stub in
                #expect(Set(Self.keys(stub, route)) == ["k"], "\(words)")
            }
        }
    }

    /// Runs `submit` with a file under a key, where the controller has so many bytes of it.
    private func submitFile(
        _ words: [String], stored: Int?, check: @Sendable (Ran, Stub) async throws -> Void
    ) async throws {
        try await withFolder { folder in
            try "hello".write(toFile: folder + "/a.txt", atomically: true, encoding: .utf8)
            let upload = #"{"id":"U1","url":"https://spark:8443/objects/uploads/U1/a.txt"}"#
            try await jctl(
                ["submit", "--kind", "vision", "--file", "my image=\(folder)/a.txt"] + words,
                routes: [
                    "POST /uploads": { _ in .json(upload, status: 201) },
                    "GET /uploads/U1": { _ in
                        guard let stored else { return .error(404, "not_found", "no file") }
                        return .json(#"{"id":"U1","size":\#(stored)}"#)
                    },
                    "PUT /objects/uploads/U1/a.txt": { _ in .json("") },
                    "POST /jobs": { _ in .json(Samples.job("queued"), status: 202) },
                ], check: check)
        }
    }

    @Test func filesComeUnderTheKeyOfTheirJob() async throws {
        try await submitFile([], stored: nil) { ran, stub in
            #expect(ran.code == 0, "\(ran.err)")
            let key = try #require(Self.keys(stub, "POST /jobs").first)
            #expect(Self.keys(stub, "POST /uploads") == ["\(key):my%20image"])
            // Nobody can have used it before.
            #expect(stub.requests("GET /uploads/U1").isEmpty)
        }
    }

    @Test(arguments: [nil, 3, 5] as [Int?])
    func aFileThatIsThereIsNotPutAgain(_ stored: Int?) async throws {
        try await submitFile(["--idempotency-key", "k"], stored: stored) { ran, stub in
            #expect(ran.code == 0, "\(ran.err)")
            #expect(Self.keys(stub, "POST /uploads") == ["k:my%20image"])
            #expect(Self.keys(stub, "POST /jobs") == ["k"])
            #expect(stub.requests("PUT /objects/uploads/U1/a.txt").count == (stored == 5 ? 0 : 1))
            #expect(ran.err.contains("a.txt was uploaded under this key before") == (stored == 5))
            #expect(
                stub.requests("POST /jobs").first?.text
                    == #"{"kind":"vision","input":{"my image":{"$upload":"U1"}}}"#)
        }
    }

    @Test func twoFilesForOneFieldAreRefused() async throws {
        let words = ["submit", "--kind", "vision", "--file", "image=a", "--file", "image=b"]
        try await jctl(words, routes: [:]) { ran, stub in
            #expect(ran.code == 2 && ran.err.contains("a field of its own"), "\(ran)")
            #expect(stub.requests.isEmpty)
        }
    }

    @Test func whatWasRefusedIsNotAskedForAgain() async throws {
        let answer: Answer = { _ in .error(503, "store_unavailable", "the store does not answer") }
        try await jctl(["submit", "--kind", "image"], routes: ["POST /jobs": answer]) { ran, stub in
            #expect(ran.code == 7)
            #expect(stub.requests.count == 1)
            #expect(!ran.err.contains("--idempotency-key"))
        }
    }

    @Test func tooMuchAtOnceIsAskedForAgainInTime() async throws {
        let tries = Counter()
        let answer: Answer = { _ in
            tries.next() < 3
                ? Self.later(429, "too_many_open", 5) : .json(Samples.job("queued"), status: 202)
        }
        try await jctl(["submit", "--kind", "image"], routes: ["POST /jobs": answer]) { ran, stub in
            #expect(ran.code == 0)
            #expect(stub.requests.count == 3)
            let note = "alice has enough; trying again in 5 s\n"
            #expect(ran.err == note + note)
        }
    }

    @Test(arguments: [(5, 3), (3_600, 1)])
    func tooMuchForLongIsAFailure(_ seconds: Int, _ tries: Int) async throws {
        let answer: Answer = { _ in Self.later(429, "rate_limited", seconds) }
        try await jctl(["submit", "--kind", "image"], routes: ["POST /jobs": answer]) { ran, stub in
            #expect(ran.code == 1)
            #expect(stub.requests.count == tries)
            #expect(
                ran.err.hasSuffix(
                    "jctl: cannot submit the job: alice has enough\nhint: try again in \(seconds) s\n"
                ))
        }
    }
}
