import NIOCore
import Testing

@testable import DockerEngine

@Suite("Taking stdout and stderr apart")
struct LogDemultiplexerTests {
    /// As captured from a real engine: stderr came first.
    private static let captured: [UInt8] =
        [2, 0, 0, 0, 0, 0, 0, 4] + Array("err\n".utf8) + [1, 0, 0, 0, 0, 0, 0, 4]
        + Array("out\n".utf8)

    private func demultiplex(_ chunks: [ArraySlice<UInt8>]) throws -> [LogChunk] {
        var frames = LogDemultiplexer()
        var found: [LogChunk] = []
        for chunk in chunks {
            frames.append(ByteBuffer(bytes: chunk))
            while let frame = try frames.next() { found.append(frame) }
        }
        try frames.finish()
        return found
    }

    @Test("gives the same frames at every pair of cuts")
    func everyCut() throws {
        let expected = [
            LogChunk(stream: .stderr, bytes: ByteBuffer(string: "err\n")),
            LogChunk(stream: .stdout, bytes: ByteBuffer(string: "out\n")),
        ]
        let bytes = Self.captured
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let chunks = [bytes[..<first], bytes[first..<second], bytes[second...]]
                #expect(try demultiplex(chunks) == expected)
            }
        }
    }

    @Test("notices a stream that ends inside a frame")
    func truncated() {
        for count in 1..<Self.captured.count where count != 12 {
            #expect(throws: DockerError.self) { try demultiplex([Self.captured[..<count]]) }
        }
    }

    @Test(
        "refuses frames that cannot be",
        arguments: [
            [9, 0, 0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 16, 0, 1],
            [1, 0, 0, 0, 255, 255, 255, 255], [3, 0, 0, 0, 0, 0, 0, 1, 65],
        ] as [[UInt8]])
    func refused(_ bytes: [UInt8]) {
        #expect(throws: DockerError.self) { try demultiplex([bytes[...]]) }
    }

    @Test("survives random bytes, and keeps random frames whole in random chunks")
    func fuzz() throws {
        var random = SplitMix64(seed: 2)
        for round in 0..<20_000 {
            var bytes: [UInt8] = []
            var expected = 0
            for _ in 0..<Int.random(in: 0..<4, using: &random) {
                let count = Int.random(in: 0..<40, using: &random)
                bytes += [UInt8.random(in: 0...2, using: &random), 0, 0, 0, 0, 0, 0, UInt8(count)]
                bytes += [UInt8](repeating: 7, count: count)
                expected += count
            }
            let isMutated = round % 2 == 1
            if isMutated, !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            let cut = Int.random(in: 0...bytes.count, using: &random)
            let frames = try? demultiplex([bytes[..<cut], bytes[cut...]])
            if !isMutated {
                #expect(frames?.reduce(0) { $0 + $1.bytes.readableBytes } == expected)
            }
        }
    }
}
