import NIOCore
import Testing

@testable import DockerEngine

@Suite("Splitting a stream into lines")
struct LineSplitterTests {
    private static let text = "{\"a\":1}\r\n\n{\"b\":\"ü\"}\n{\"last\":true}"
    private static let lines = ["{\"a\":1}", "{\"b\":\"ü\"}", "{\"last\":true}"]

    private func split(_ chunks: [ArraySlice<UInt8>], limit: Int = 64) throws -> [String] {
        var splitter = LineSplitter(lineBytesMax: limit)
        var lines: [String] = []
        for chunk in chunks {
            splitter.append(ByteBuffer(bytes: chunk))
            while let line = try splitter.next() { lines.append(String(buffer: line)) }
        }
        if let line = splitter.finish() { lines.append(String(buffer: line)) }
        return lines
    }

    @Test("gives the same lines at every pair of cuts")
    func everyCut() throws {
        let bytes = Array(Self.text.utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let chunks = [bytes[..<first], bytes[first..<second], bytes[second...]]
                #expect(try split(chunks) == Self.lines)
            }
        }
    }

    @Test("gives the same lines byte by byte")
    func byteByByte() throws {
        let bytes = Array(Self.text.utf8)
        #expect(try split(bytes.indices.map { bytes[$0...$0] }) == Self.lines)
    }

    @Test("refuses a line over the bound, complete or not, and takes one at the bound")
    func bound() throws {
        let atBound = Array((String(repeating: "x", count: 64) + "\n").utf8)
        #expect(try split([atBound[...]]).count == 1)
        let over = Array((String(repeating: "x", count: 65) + "\n").utf8)
        #expect(throws: DockerError.self) { try split([over[...]]) }
        #expect(throws: DockerError.self) { try split([over[..<65], over[65...]]) }
    }

    @Test("loses nothing of random bytes in random chunks")
    func fuzz() throws {
        var random = SplitMix64(seed: 1)
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
                UInt8.random(in: 8...14, using: &random)
            }
            var chunks: [ArraySlice<UInt8>] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Int.random(in: 1...rest.count, using: &random)
                chunks.append(rest.prefix(count))
                rest = rest.dropFirst(count)
            }
            let expected = bytes.split(separator: 10).map { $0.last == 13 ? $0.dropLast() : $0 }
                .filter { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) }
            #expect(try split(chunks, limit: 1000) == expected)
        }
    }
}
