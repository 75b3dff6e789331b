/// Protocol-buffer bytes made by hand, so that tests do not depend on the encoder under test.
struct ProtoBytes {
    private(set) var bytes: [UInt8] = []

    /// A tag or a number.
    static func varint(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = value
        while rest > 0x7F {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(truncatingIfNeeded: rest)]
    }

    private func with(_ field: UInt64, _ wireType: UInt64, _ payload: [UInt8]) -> ProtoBytes {
        ProtoBytes(bytes: bytes + Self.varint(field << 3 | wireType) + payload)
    }

    func number(_ field: UInt64, _ value: UInt64) -> ProtoBytes {
        with(field, 0, Self.varint(value))
    }

    func fixed(_ field: UInt64, _ value: UInt64) -> ProtoBytes {
        with(field, 1, (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) })
    }

    func data(_ field: UInt64, _ value: [UInt8]) -> ProtoBytes {
        with(field, 2, Self.varint(UInt64(value.count)) + value)
    }

    func text(_ field: UInt64, _ value: String) -> ProtoBytes { data(field, Array(value.utf8)) }

    func message(_ field: UInt64, _ value: ProtoBytes) -> ProtoBytes { data(field, value.bytes) }

    func message(_ field: UInt64, count: Int, _ value: ProtoBytes) -> ProtoBytes {
        let one = ProtoBytes().message(field, value).bytes
        return ProtoBytes(bytes: bytes + (0..<count).flatMap { _ in one })
    }

    func raw(_ more: [UInt8]) -> ProtoBytes { ProtoBytes(bytes: bytes + more) }
}
