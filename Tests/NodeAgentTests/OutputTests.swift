import FleetCore
import NIOCore
import Testing
import WorkerContracts

@testable import NodeAgent

@Suite struct OutputTests {
    @Test func pathsBecomeNames() {
        #expect(
            OutputFiles.flatten(["a.png", "b/c.png", "b-c.png", "x/y/z", "b/c.png"])
                == ["a.png", "b-c.png", "b-c-2.png", "x-y-z", "b-c-3.png"])
        #expect(OutputFiles.flatten(["..", ".hidden"]) == ["output", ".hidden"])
        #expect(OutputFiles.flatten(["../\u{301}b"]) == ["..-\u{301}b"])
    }

    @Test func longNamesAreCutApart() {
        let long = (0..<4).map { _ in String(repeating: "ä", count: 120) }.joined(separator: "/")
        let names = OutputFiles.flatten([long + "/1.tar.gz", long + "/2.tar.gz"])
        #expect(names.allSatisfy { $0.utf8.count <= 255 && $0.hasSuffix(".gz") })
        #expect(Set(names).count == 2)
        // One character, and longer than a name may be.
        let accents = "a" + String(repeating: "\u{301}", count: 300)
        let cut = OutputFiles.flatten([accents])
        #expect(cut.allSatisfy { (1...255).contains($0.utf8.count) })
    }

    @Test func outputsAreThereAtOnceOrNotAtAll() async throws {
        try await withFolder { folder in
            let folders = AttemptFolders(root: folder)
            let key = AttemptKey(job: "J", number: 1)
            #expect(try await folders.list(key).isEmpty)
            let scratch = try await folders.makeScratch(key)
            try await folders.write(
                [NamedOutput(name: "b.txt", contentType: "text/plain", bytes: .init(string: "bb"))],
                into: scratch)
            #expect(try await folders.list(key).isEmpty)
            try await folders.publish(scratch, key)
            #expect(try await folders.list(key).map(\.name) == ["b.txt"])
            #expect(try await folders.list(key).map(\.size) == [2])

            let second = try await folders.makeScratch(key)
            try await folders.publish(second, key)
            #expect(try await folders.list(key).isEmpty)

            try await folders.note(.failed(Failure(.workFailed, "x")), key)
            #expect(await folders.ending(of: key) == .failed(Failure(.workFailed, "x")))
            let kept = await folders.removeAll(except: [NodeLabels.plain(key)])
            #expect(kept.isEmpty)
            #expect(await folders.ending(of: key) != nil)
            await folders.forget(key)
            #expect(await folders.ending(of: key) == nil)
        }
    }

    @Test func aFileIsReadInPieces() async throws {
        try await withFolder { folder in
            let bytes = (0..<700_001).map { UInt8(truncatingIfNeeded: $0) }
            try DurableFile.write(bytes, to: folder + "/f")
            var read: [UInt8] = []
            for try await piece in FileChunks(path: folder + "/f", size: UInt64(bytes.count)) {
                #expect(piece.readableBytes <= FileChunks.pieceBytes)
                read += [UInt8](buffer: piece)
            }
            #expect(read == bytes)
            await #expect(throws: AgentError.self) {
                for try await _ in FileChunks(path: folder + "/f", size: 700_002) {}
            }
        }
    }
}
