import Foundation
import NIOCore
import Testing

@testable import DockerEngine

@Suite("Reading and writing tar archives")
struct TarTests {
    private func events(_ bytes: [UInt8], cut: Int? = nil) throws -> [TarEvent] {
        var reader = TarReader()
        var found: [TarEvent] = []
        let cut = cut ?? bytes.count
        for chunk in [bytes[..<cut], bytes[cut...]] {
            reader.append(ByteBuffer(bytes: chunk))
            while let event = try reader.next() {
                // Content may be cut anywhere: join it.
                if case .content(let new) = event, case .content(var old) = found.last {
                    old.writeImmutableBuffer(new)
                    found[found.count - 1] = .content(old)
                } else {
                    found.append(event)
                }
            }
        }
        try reader.finish()
        return found
    }

    private func entries(_ bytes: [UInt8]) throws -> [TarEntry] {
        try events(bytes).compactMap { if case .entry(let entry) = $0 { entry } else { nil } }
    }

    @Test("reads what it writes, cut anywhere")
    func roundTrip() throws {
        let long = "/" + (0..<20).map { "folder-number-\($0)" }.joined(separator: "/") + "/ü.txt"
        var writer = TarWriter()
        try writer.add(.directory("/job/outputs", mode: 0o777, user: 1000))
        try writer.add(.file("/job/input.json", ByteBuffer(string: "{}")))
        try writer.add(.file(long, ByteBuffer(string: String(repeating: "x", count: 513))))
        let bytes = Array(writer.finish().readableBytesView)
        #expect(bytes.count.isMultiple(of: 512))
        let whole = try events(bytes)
        #expect(
            try entries(bytes) == [
                TarEntry(name: "job/outputs/", kind: .directory, size: 0),
                TarEntry(name: "job/input.json", kind: .file, size: 2),
                TarEntry(name: String(long.dropFirst()), kind: .file, size: 513),
            ])
        for cut in 0...bytes.count {
            let found = try events(bytes, cut: cut)
            guard found == whole else {
                Issue.record("differs when cut at \(cut)")
                return
            }
        }
    }

    @Test("GNU tar can read what it writes")
    func gnuReads() async throws {
        try await withFolder { folder in
            let long = (0..<12).map { "folder-number-\($0)" }.joined(separator: "/") + "/a.txt"
            var writer = TarWriter()
            try writer.add(.file("/" + long, ByteBuffer(string: "hello"), user: 3_000_000))
            let bytes = Data(writer.finish().readableBytesView)
            try bytes.write(to: URL(fileURLWithPath: folder + "/a.tar"))
            let tar = Process()
            tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            tar.arguments = ["tar", "-C", folder, "--no-same-owner", "-xf", folder + "/a.tar"]
            try tar.run()
            tar.waitUntilExit()
            #expect(tar.terminationStatus == 0)
            #expect(FileManager.default.contents(atPath: "\(folder)/\(long)") == Data("hello".utf8))
        }
    }

    @Test(
        "refuses to write paths that are not plain and absolute",
        arguments: [
            "a", "", "/", "/a//b", "/a/../b", "/./a", "/a/", "/a\0b", "/a/../\u{301}b",
            "/\u{301}a/../b",
        ])
    func writerRefuses(_ path: String) {
        #expect(throws: DockerError.self) {
            var writer = TarWriter()
            try writer.add(.file(path, ByteBuffer()))
        }
    }

    @Test("understands ustar prefixes, pax and GNU long names, old folders")
    func dialects() throws {
        let long = String(repeating: "d/", count: 80) + "f"
        var tar = TestTar()
        tar.add("name", content: "1", prefix: "some/prefix")
        tar.add("@LongLink", typeflag: "L", content: long + "\0", gnu: true)
        tar.add("short", content: "2", gnu: true)
        tar.add(
            "g", typeflag: "g",
            content: String(decoding: PaxRecords.record("path", "evil"), as: UTF8.self))
        tar.add(
            "x", typeflag: "x",
            content: String(
                decoding: PaxRecords.record("path", long + "2") + PaxRecords.record("mtime", "1.5"),
                as: UTF8.self))
        tar.add("short", content: "3")
        tar.add("old/")
        tar.add("after")
        tar.add("sparse", typeflag: "S", content: "4")
        tar.end()
        #expect(
            try entries(tar.bytes) == [
                TarEntry(name: "some/prefix/name", kind: .file, size: 1),
                TarEntry(name: long, kind: .file, size: 1),
                TarEntry(name: long + "2", kind: .file, size: 1),
                TarEntry(name: "old/", kind: .directory, size: 0),
                TarEntry(name: "after", kind: .file, size: 0),
                TarEntry(name: "sparse", kind: .other(UInt8(ascii: "S")), size: 1),
            ])
    }

    @Test("reads binary sizes and refuses those out of range")
    func binarySizes() throws {
        var field = [UInt8](repeating: 0, count: 12)
        field[0] = 0x80
        field[11] = 5
        #expect(try TarHeader.number(field[...]) == 5)
        field[4] = 0x7f
        #expect(try TarHeader.number(field[...]) == 0x7f00_0000_0000_0005)
        field[3] = 1
        #expect(throws: DockerError.self) { try TarHeader.number(field[...]) }
        field[0] = 0xff
        #expect(throws: DockerError.self) { try TarHeader.number(field[...]) }
        #expect(throws: DockerError.self) { try TarHeader.number(Array("12x".utf8)[...]) }
        #expect(throws: DockerError.self) { try TarHeader.number(Array("8".utf8)[...]) }
        #expect(
            throws: DockerError.self
        ) { try TarHeader.number(Array(repeating: UInt8(ascii: "7"), count: 40)[...]) }
    }

    @Test("refuses a cut archive at every length but the whole")
    func cut() throws {
        var tar = TestTar()
        tar.add("a", content: "hello")
        tar.add("b")
        let whole = tar.bytes.count
        tar.end()
        for count in 0..<whole {
            #expect(throws: DockerError.self) { try events(Array(tar.bytes[..<count])) }
        }
    }

    @Test("refuses an extended header over its bound")
    func extendedBound() {
        var tar = TestTar()
        tar.add("x", typeflag: "x", size: TarReader.extendedBytesMax + 1)
        #expect(throws: DockerError.self) { try events(tar.bytes) }
    }

    @Test("survives 120,000 mutated archives")
    func fuzz() {
        var random = SplitMix64(seed: 3)
        let seeds = Self.fuzzSeeds()
        var accepted = 0
        for _ in 0..<120_000 {
            var bytes = seeds[Int.random(in: 0..<seeds.count, using: &random)]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            // With a wrong checksum nearly nothing would get past the header.
            if Bool.random(using: &random) {
                let block = Int.random(in: 0..<bytes.count / 512, using: &random)
                TestTar.sign(&bytes, at: block * 512)
            }
            if Int.random(in: 0..<8, using: &random) == 0 {
                bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
            }
            var reader = TarReader()
            let cut = Int.random(in: 0...bytes.count, using: &random)
            do {
                for chunk in [bytes[..<cut], bytes[cut...]] {
                    reader.append(ByteBuffer(bytes: chunk))
                    while let event = try reader.next() {
                        guard case .entry(let entry) = event else { continue }
                        let parts = try? ArchivePath.components(
                            entry.name, kind: entry.kind, root: "outputs")
                        if let parts,
                            parts.contains(where: {
                                ["", ".", ".."].contains($0)
                                    || $0.utf8.contains(UInt8(ascii: "/"))
                            })
                        {
                            Issue.record("a dangerous path got through: \(parts)")
                        }
                    }
                }
                try reader.finish()
                accepted += 1
            } catch {
                #expect(error.code == .archiveRejected)
            }
        }
        // Both sides must have been seen, or the test tests nothing.
        #expect((1000..<119_000).contains(accepted))
    }

    static func fuzzSeeds() -> [[UInt8]] {
        var plain = TestTar()
        plain.add("outputs/", typeflag: "5")
        plain.add("outputs/a", content: "hello")
        plain.end()
        var pax = TestTar()
        pax.add(
            "x", typeflag: "x",
            content: String(
                decoding: PaxRecords.record("path", "outputs/b") + PaxRecords.record("size", "2"),
                as: UTF8.self))
        pax.add("b", content: "hi")
        pax.end()
        var gnu = TestTar()
        gnu.add("l", typeflag: "L", content: "outputs/../c\0", gnu: true)
        gnu.add("c", content: "hi", gnu: true)
        gnu.end()
        return [plain.bytes, pax.bytes, gnu.bytes]
    }
}
