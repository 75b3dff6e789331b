import FleetLink
import NIOCore
import Testing

/// What a decoder made of some bytes.
private struct Decoded: Equatable {
    var frames: [[UInt8]] = []
    var error: LinkError?
    var isMidFrame = false
    var largestBuffer = 0

    init(_ parts: [ArraySlice<UInt8>], limit: Int) {
        var decoder = FrameDecoder(limit: limit)
        for part in parts {
            decoder.append(ByteBuffer(bytes: part))
            do {
                while let frame = try decoder.next() { frames.append(frame) }
            } catch {
                self.error = error
            }
            largestBuffer = max(largestBuffer, decoder.bufferedBytes)
        }
        isMidFrame = error == nil && decoder.isMidFrame
    }
}

private func encoded(_ payloads: [[UInt8]]) -> [UInt8] {
    var buffer = ByteBuffer()
    for payload in payloads { Frame.encode(payload, into: &buffer) }
    return Array(buffer.readableBytesView)
}

@Suite struct FrameDecoderTests {
    @Test func theWireFormIsFixed() {
        #expect(encoded([[0xAA, 0xBB]]) == [0x4A, 0x46, 1, 0, 0, 0, 0, 2, 0xAA, 0xBB])
    }

    @Test func framesComeBackByteByByte() {
        let payloads: [[UInt8]] = [[], [1], Array(repeating: 7, count: 4_096), [2, 3]]
        let bytes = encoded(payloads)
        let decoded = Decoded(bytes.indices.map { bytes[$0...$0] }, limit: 4_096)
        #expect(decoded.frames == payloads)
        #expect(decoded.error == nil)
        #expect(!decoded.isMidFrame)
        #expect(decoded.largestBuffer <= 4_096)
    }

    @Test(arguments: [
        ([0x47] as [UInt8], LinkError.Code.badFrame),  // "GET …"
        ([0x4A, 0x47], .badFrame),
        ([0x4A, 0x46, 2], .badFrame),
        ([0x4A, 0x46, 1, 1], .badFrame),
        ([0x4A, 0x46, 1, 0, 0, 0, 0x10, 0x01], .frameTooLarge),
        ([0x4A, 0x46, 1, 0, 0xFF, 0xFF, 0xFF, 0xFF], .frameTooLarge),
    ])
    func aWrongHeaderIsRefusedAtItsFirstWrongByte(header: [UInt8], code: LinkError.Code) {
        #expect(Decoded([header[...]], limit: 4_096).error?.code == code)
        #expect(Decoded([header.dropLast()], limit: 4_096).error == nil)
    }

    @Test func aLargerLimitCountsFromTheNextHeader() throws {
        var decoder = FrameDecoder(limit: 4)
        decoder.append(ByteBuffer(bytes: encoded([[1, 2, 3, 4]])))
        #expect(try decoder.next() == [1, 2, 3, 4])
        decoder.limit = 5
        decoder.append(ByteBuffer(bytes: encoded([[1, 2, 3, 4, 5]])))
        #expect(try decoder.next() == [1, 2, 3, 4, 5])
    }

    @Test func anErrorStays() throws {
        var decoder = FrameDecoder(limit: 4)
        decoder.append(ByteBuffer(bytes: [0]))
        #expect(throws: LinkError.self) { try decoder.next() }
        decoder.append(ByteBuffer(bytes: encoded([[1]])))
        #expect(throws: LinkError.self) { try decoder.next() }
        #expect(decoder.bufferedBytes == 0)
    }

    /// Random and mutated streams: no trap, and the split points change nothing.
    @Test(arguments: 0..<4)
    func fuzz(seed: Int) {
        var generator = SplitMix(state: UInt64(seed))
        let limit = 32
        for _ in 0..<55_000 {
            let bytes = Self.input(&generator, limit: limit)
            let whole = Decoded([bytes[...]], limit: limit)
            let cuts = (0..<3).map { _ in Int.random(in: 0...bytes.count, using: &generator) }
                .sorted()
            let parts = [
                bytes[..<cuts[0]], bytes[cuts[0]..<cuts[1]], bytes[cuts[1]..<cuts[2]],
                bytes[cuts[2]...],
            ]
            let split = Decoded(parts, limit: limit)
            guard whole.frames == split.frames, whole.error == split.error,
                whole.isMidFrame == split.isMidFrame,
                max(whole.largestBuffer, split.largestBuffer) <= limit
            else {
                Issue.record("seed \(seed): \(bytes) cut at \(cuts)")
                return
            }
        }
    }

    private static func input(_ generator: inout SplitMix, limit: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
            let count = Int.random(in: 0...(limit + 1), using: &generator)
            let length = count <= 255 ? UInt8(count) : 0
            bytes += [0x4A, 0x46, 1, 0, 0, 0, 0, length]
            for _ in 0..<count { bytes.append(UInt8(truncatingIfNeeded: generator.next())) }
        }
        switch Int.random(in: 0..<4, using: &generator) {
        case 0:
            for _ in 0..<2 {
                guard let at = bytes.indices.randomElement(using: &generator) else { break }
                bytes[at] = UInt8(truncatingIfNeeded: generator.next())
            }
        case 1:
            bytes.removeLast(min(bytes.count, Int.random(in: 0...9, using: &generator)))
        case 2:
            for _ in 0..<Int.random(in: 0...12, using: &generator) {
                bytes.append(UInt8(truncatingIfNeeded: generator.next()))
            }
        default: break
        }
        return bytes
    }
}
