import Foundation
import NIOCore
import Testing

@testable import DockerEngine

@Suite("Extracting hostile archives")
struct ArchiveExtractorTests {
    private func extract(
        _ bytes: [UInt8], into folder: String, maxBytes: Int64 = 10_000, maxFiles: Int = 10
    ) throws -> ExtractedArchive {
        var extractor = try ArchiveExtractor(
            into: folder, root: "outputs",
            limits: ExtractionLimits(maxBytes: maxBytes, maxFiles: maxFiles))
        try extractor.consume(ByteBuffer(bytes: bytes))
        return try extractor.finish()
    }

    private func code(_ tar: TestTar, maxBytes: Int64 = 10_000, maxFiles: Int = 10) async throws
        -> DockerError.Code?
    {
        try await withFolder { (folder) -> DockerError.Code? in
            let inner = folder + "/in"
            try FileManager.default.createDirectory(
                atPath: inner, withIntermediateDirectories: false)
            defer {
                #expect(
                    (try? FileManager.default.contentsOfDirectory(atPath: folder)) == ["in"],
                    "something was written outside")
            }
            do {
                _ = try extract(tar.bytes, into: inner, maxBytes: maxBytes, maxFiles: maxFiles)
                return nil
            } catch let error as DockerError {
                return error.code
            }
        }
    }

    @Test("writes files and folders, without the root folder's name")
    func writes() async throws {
        try await withFolder { folder in
            var tar = TestTar()
            tar.add("outputs/", typeflag: "5")
            tar.add("outputs/sub/", typeflag: "5")
            tar.add("outputs/sub/b.txt", content: "bb")
            tar.add("outputs/a.txt", content: "a")
            tar.add("outputs/deep/er/c", content: "")
            tar.end()
            let result = try extract(tar.bytes, into: folder)
            #expect(result.files.map(\.path) == ["a.txt", "deep/er/c", "sub/b.txt"])
            #expect(result.files.map(\.size) == [1, 0, 2])
            #expect(result.totalBytes == 3)
            #expect(result.skipped.isEmpty)
            #expect(FileManager.default.contents(atPath: folder + "/sub/b.txt") == Data("bb".utf8))
        }
    }

    @Test(
        "refuses names that try to get out",
        arguments: [
            "../evil", "outputs/../../evil", "/etc/evil", "outputs/..", "a/../../../evil",
            "../\u{301}evil", "outputs/../\u{301}a/../\u{301}evil", "/\u{301}evil",
            "outputs/a\nb", "outputs/\u{1b}[2J", String(repeating: "d/", count: 40) + "f",
        ])
    func traversal(_ name: String) async throws {
        var tar = TestTar()
        tar.add(name, content: "x")
        tar.end()
        #expect(try await code(tar) == .archiveRejected)
        var long = TestTar()
        long.add("L", typeflag: "L", content: name + "\0", gnu: true)
        long.add("ok", content: "x", gnu: true)
        long.end()
        #expect(try await code(long) == .archiveRejected)
    }

    @Test("a slash with an accent divides folders; it is part of no name")
    func accents() async throws {
        try await withFolder { folder in
            var tar = TestTar()
            tar.add("outputs/sub/\u{301}b", content: "b")
            tar.end()
            let result = try extract(tar.bytes, into: folder)
            #expect(result.files.map { Array($0.path.utf8) } == [Array("sub/\u{301}b".utf8)])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["sub"])
        }
    }

    @Test(
        "a folder itself takes nothing but plain names",
        arguments: ["", ".", "..", "a/b", "../\u{301}x", "..\0", "a\0b"])
    func plainNames(_ name: String) async throws {
        try await withFolder { path in
            let inner = path + "/in"
            try FileManager.default.createDirectory(
                atPath: inner, withIntermediateDirectories: false)
            let refused = DockerError.Code.archiveRejected
            #expect(try refusals(of: name, in: inner) == [refused, refused, refused])
            #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["in"])
        }
    }

    /// What a folder says to a file of that name, to a file below it, and to a folder of that name.
    private func refusals(of name: String, in path: String) throws -> [DockerError.Code] {
        let folder = try Folder(path: path)
        var codes: [DockerError.Code] = []
        do throws(DockerError) {
            _ = try folder.createFile([name])
        } catch { codes.append(error.code) }
        do throws(DockerError) {
            _ = try folder.createFile([name, "x"])
        } catch { codes.append(error.code) }
        do throws(DockerError) {
            try folder.makeFolders([name])
        } catch { codes.append(error.code) }
        return codes
    }

    @Test("leaves out links and devices, and never writes through one")
    func links() async throws {
        try await withFolder { folder in
            let inner = folder + "/in"
            try FileManager.default.createDirectory(
                atPath: inner, withIntermediateDirectories: false)
            var tar = TestTar()
            tar.add("outputs/out", typeflag: "2", link: "..")
            tar.add("outputs/out/evil", content: "x")
            tar.add("outputs/hard", typeflag: "1", link: "/etc/passwd")
            tar.add("outputs/null", typeflag: "3")
            tar.add("outputs/disk", typeflag: "4")
            tar.add("outputs/pipe", typeflag: "6")
            tar.add("outputs/sparse", typeflag: "S", content: "123")
            tar.end()
            let result = try extract(tar.bytes, into: inner)
            #expect(result.skipped == ["out", "hard", "null", "disk", "pipe", "sparse"])
            #expect(result.files.map(\.path) == ["out/evil"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["in"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: inner) == ["out"])
        }
    }

    @Test("does not follow a link that is in the destination already")
    func plantedLink() async throws {
        try await withFolder { folder in
            let inner = folder + "/in"
            try FileManager.default.createDirectory(
                atPath: inner, withIntermediateDirectories: false)
            try FileManager.default.createSymbolicLink(
                atPath: inner + "/sub", withDestinationPath: folder)
            try FileManager.default.createSymbolicLink(
                atPath: inner + "/file", withDestinationPath: folder + "/evil")
            for name in ["outputs/sub/evil", "outputs/file"] {
                var tar = TestTar()
                tar.add(name, content: "x")
                tar.end()
                let bytes = tar.bytes
                #expect(throws: DockerError.self) { try extract(bytes, into: inner) }
            }
            #expect(!FileManager.default.fileExists(atPath: folder + "/evil"))
        }
    }

    @Test("holds its limits")
    func limits() async throws {
        var big = TestTar()
        big.add("outputs/a", content: String(repeating: "x", count: 101))
        big.end()
        #expect(try await code(big, maxBytes: 100) == .tooLarge)
        #expect(try await code(big, maxBytes: 101) == nil)
        var lie = TestTar()
        lie.add("outputs/a", size: 0o77777777777)
        #expect(try await code(lie) == .tooLarge)
        var many = TestTar()
        for number in 0..<11 { many.add("outputs/\(number)/", typeflag: "5") }
        many.end()
        #expect(try await code(many, maxFiles: 10) == .tooLarge)
        #expect(try await code(many, maxFiles: 11) == nil)
    }

    @Test("refuses a name twice, and a file as a folder")
    func duplicates() async throws {
        var twice = TestTar()
        twice.add("outputs/a", content: "1")
        twice.add("outputs/a", content: "2")
        twice.end()
        #expect(try await code(twice) == .archiveRejected)
        var below = TestTar()
        below.add("outputs/a", content: "1")
        below.add("outputs/a/b", content: "2")
        below.end()
        #expect(try await code(below) == .archiveRejected)
    }

    @Test("writes nothing outside for 3,000 mutated archives")
    func fuzz() async throws {
        try await withFolder { folder in
            var random = SplitMix64(seed: 4)
            let seeds = TarTests.fuzzSeeds()
            for round in 0..<3000 {
                var bytes = seeds[round % seeds.count]
                for _ in 0..<3 {
                    // Names and content, mostly.
                    let offset = Int.random(in: 0..<120, using: &random)
                    let block = Int.random(in: 0..<bytes.count / 512, using: &random)
                    bytes[block * 512 + offset] =
                        [UInt8(ascii: "/"), UInt8(ascii: "."), 0, 0x41].randomElement(
                            using: &random) ?? 0
                    TestTar.sign(&bytes, at: block * 512)
                }
                let inner = "\(folder)/\(round)"
                try FileManager.default.createDirectory(
                    atPath: inner, withIntermediateDirectories: false)
                _ = try? extract(bytes, into: inner)
                try FileManager.default.removeItem(atPath: inner)
                let left = try FileManager.default.contentsOfDirectory(atPath: folder)
                #expect(left.isEmpty)
            }
        }
    }
}
