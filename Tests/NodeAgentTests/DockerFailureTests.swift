import DockerEngine
import FleetCore
import FoundationEssentials
import Glibc
import Testing
import WorkerContracts

@testable import NodeAgent

@Suite(.timeLimit(.minutes(1))) struct DockerFailureTests {
    private let key = AttemptKey(job: "J", number: 1)

    @Test func `a daemon that hangs is waited out, too`() async throws {
        var calls = 0
        let second = try await Patience.wait {
            calls += 1
            guard calls > 1 else { throw DockerError(.timedOut, "it hangs") }
            return calls
        }
        #expect(second == 2)
        // What may have begun is not taken for failed.
        calls = 0
        let known = try await Patience.wait(total: .zero, mustKnow: { true }) {
            calls += 1
            guard calls > 1 else { throw DockerError(.timedOut, "it hangs") }
            return calls
        }
        #expect(known == 2)
        await #expect(throws: DockerError(.timedOut, "it hangs")) {
            try await Patience.wait(total: .zero) { () async throws -> Int in
                throw DockerError(.timedOut, "it hangs")
            }
        }
    }

    @Test func `why outputs cannot be kept is told as it is, whoever says so`() async throws {
        let causes: [(any Error, FailureCode)] = [
            (DockerError(.noSpace, "no space left on device"), .diskFull),
            (AgentError(.diskFull, "cannot sync a file"), .diskFull),
            (CocoaError(.fileWriteOutOfSpace), .diskFull),
            (AgentError(.state, "cannot open a file"), .resultLost),
            (CocoaError(.fileNoSuchFile), .resultLost),
            (DockerError(.unavailable, "it is away"), .resultLost),
            (DockerError(.timedOut, "it hangs"), .resultLost),
            (DockerError(.notFound, "no such file"), .resultLost),
            (DockerError(.tooLarge, "too many"), .workFailed),
            (Failure(.workFailed, "left nothing"), .workFailed),
        ]
        try await withFolder { folder in
            let folders = AttemptFolders(root: folder)
            for (error, code) in causes {
                // An end that was noted would stand.
                await folders.forget(key)
                let end = await folders.settle(.succeeded, key, quiet) { _ in throw error }
                guard case .failed(let failure) = end else {
                    Issue.record("\(error) is no failure")
                    continue
                }
                #expect(failure.code == code, "\(error)")
            }
        }
    }

    @Test(arguments: [ENOSPC, EDQUOT]) func `a file that finds no room says so`(_ number: Int32) {
        errno = number
        #expect(DurableFile.failure("cannot write it").code == .diskFull)
        errno = EACCES
        #expect(DurableFile.failure("cannot write it").code == .state)
    }

    @Test(arguments: [true, false])
    func `a copy of what a worker left waits for Docker`(isContainerThere: Bool) async throws {
        let asked = Latest(0)
        try await withFolder { folder in
            try await StubDocker.with { request in
                guard request.hasPrefix("GET /containers/c/archive") else {
                    return isContainerThere
                        ? StubDocker.Answer(body: #"{"Id":"c"}"#) : StubDocker.Answer.missing
                }
                asked.set(asked.value + 1)
                return asked.value > 1 ? StubDocker.Answer.missing : nil
            } _: { engine, _ in
                let folders = AttemptFolders(root: folder)
                let scratch = try await folders.makeScratch(key)
                let failure = await #expect(throws: Failure.self) {
                    try await Collector(engine: engine, folders: folders).copy(
                        [ContainerFile(name: "a", contentType: "text/plain", path: "/tmp/a")],
                        container: "c", into: scratch)
                }
                #expect(asked.value == 2)
                #expect(failure?.code == (isContainerThere ? .workFailed : .resultLost))
            }
        }
    }
}
