import FleetCore

/// Damages bytes without knowing what they mean.
struct ByteMutator {
    var random: SeededGenerator

    mutating func damage(_ bytes: [UInt8], other: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &random) { change(&bytes, other) }
        return bytes
    }

    private mutating func change(_ bytes: inout [UInt8], _ other: [UInt8]) {
        guard let place = bytes.indices.randomElement(using: &random) else { return }
        switch Int.random(in: 0...6, using: &random) {
        case 0: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
        case 1: bytes[place] = .random(in: 0...255, using: &random)
        case 2: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
        case 3: bytes.remove(at: place)
        case 4: bytes.insert(.random(in: 0...255, using: &random), at: place)
        case 5:
            let end = Int.random(in: place...bytes.count, using: &random)
            bytes.insert(contentsOf: bytes[place..<end], at: place)
        default:
            let cut = Int.random(in: 0...other.count, using: &random)
            bytes = Array(bytes[..<place]) + other[cut...]
        }
    }
}

/// A message as a tree of fields, as far as it can be read without its schema.
struct FieldTree {
    struct Field {
        var number: UInt64
        var wireType: UInt64
        /// The bytes after the tag, without the length.
        var payload: [UInt8]
        /// The payload as a message, if it looks like one.
        var children: FieldTree?
    }

    var fields: [Field] = []

    init(_ bytes: [UInt8]) { fields = Self.parse(bytes[...]) ?? [] }

    private init(fields: [Field]) { self.fields = fields }

    /// The message, all lengths right.
    var bytes: [UInt8] {
        fields.flatMap { field in
            let tag = ProtoBytes.varint(field.number << 3 | field.wireType)
            let payload = field.children?.bytes ?? field.payload
            guard field.wireType == 2 else { return tag + payload }
            return tag + ProtoBytes.varint(UInt64(payload.count)) + payload
        }
    }

    /// The tree after one change somewhere in it.
    func rearranged(_ random: inout SeededGenerator) -> FieldTree {
        var copy = self
        for _ in 0..<Int.random(in: 1...4, using: &random) { copy.change(&random) }
        return copy
    }

    private mutating func change(_ random: inout SeededGenerator) {
        guard let place = fields.indices.randomElement(using: &random) else { return }
        if var children = fields[place].children, !children.fields.isEmpty,
            Int.random(in: 0...3, using: &random) > 0
        {
            children.change(&random)
            fields[place].children = children
            return
        }
        let target = fields.indices.randomElement(using: &random) ?? place
        switch Int.random(in: 0...7, using: &random) {
        case 0, 1, 2:
            // Given twice, the second one different.
            var twin = fields[place]
            if var children = twin.children {
                children.change(&random)
                twin.children = children
            }
            fields.insert(twin, at: target)
        case 3: fields.remove(at: place)
        case 4: fields.swapAt(place, target)
        case 5: fields[place].number = .random(in: 1...16, using: &random)
        case 6:
            fields[place].children = nil
            fields[place].payload =
                fields[place].wireType == 0
                ? ProtoBytes.varint(.random(in: 0 ... .max, using: &random))
                : fields[place].wireType == 1
                    ? (0..<8).map { _ in .random(in: 0...255, using: &random) } : []
        default: fields[place].children = FieldTree(fields: fields)
        }
    }

    private static func parse(_ bytes: ArraySlice<UInt8>) -> [Field]? {
        var rest = bytes
        var fields: [Field] = []
        while !rest.isEmpty {
            guard let tag = varint(&rest), tag >> 3 > 0, tag >> 3 < 100 else { return nil }
            var field = Field(number: tag >> 3, wireType: tag & 7, payload: [], children: nil)
            switch field.wireType {
            case 0:
                guard let value = varint(&rest) else { return nil }
                field.payload = ProtoBytes.varint(value)
            case 1:
                guard rest.count >= 8 else { return nil }
                field.payload = Array(rest.prefix(8))
                rest = rest.dropFirst(8)
            case 2:
                guard let length = varint(&rest), length <= rest.count else { return nil }
                let part = rest.prefix(Int(length))
                field.payload = Array(part)
                field.children = parse(part).map { FieldTree(fields: $0) }
                rest = rest.dropFirst(Int(length))
            default: return nil
            }
            fields.append(field)
        }
        return fields
    }

    private static func varint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }
}
