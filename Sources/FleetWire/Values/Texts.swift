import CFleetMessages
import CProtobufC

extension Arena {
    /// A copy of `text` within the arena, checked.
    borrowing func text(
        _ text: String, _ rule: TextRule, _ field: String
    ) throws(WireError) -> ProtobufCBinaryData {
        var text = text
        let count = text.utf8.count
        if !rule.isCut { try rule.checkLength(count, field) }
        let room = min(count, rule.maximum)
        guard room > 0 else { return unsafe ProtobufCBinaryData(len: 0, data: nil) }
        let copy = try unsafe allocate(UInt8.self, count: room, field)
        let length = text.withUTF8 { bytes in
            let length = unsafe Self.cut(bytes, to: room)
            if let start = bytes.baseAddress { unsafe copy.update(from: start, count: length) }
            return length
        }
        try unsafe rule.checkBytes(UnsafeBufferPointer(start: copy, count: length), field)
        return unsafe ProtobufCBinaryData(len: length, data: copy)
    }

    /// Copies of `texts` within the arena, checked; nil for an empty list.
    borrowing func texts(
        _ texts: some Collection<String>, _ rule: TextRule, _ field: String
    ) throws(WireError) -> UnsafeMutablePointer<ProtobufCBinaryData>? {
        guard try countList(texts.count, field) else { return nil }
        let list = try unsafe allocate(ProtobufCBinaryData.self, count: texts.count, field)
        for (index, text) in texts.enumerated() {
            unsafe list[index] = try self.text(text, rule, field)
        }
        return unsafe list
    }

    /// The longest length up to `room` that ends between two characters.
    private static func cut(_ bytes: UnsafeBufferPointer<UInt8>, to room: Int) -> Int {
        var length = min(room, bytes.count)
        // A byte 10xxxxxx continues the character before it.
        while unsafe length > 0 && length < bytes.count && bytes[length] & 0xC0 == 0x80 {
            length -= 1
        }
        return length
    }
}

extension Read {
    /// The text, checked.
    static func text(
        _ data: ProtobufCBinaryData, _ rule: TextRule, _ field: String
    ) throws(WireError) -> String {
        let bytes = unsafe bytes(data)
        try rule.checkLength(bytes.count, field)
        try unsafe rule.checkBytes(bytes, field)
        guard let text = unsafe String(validating: bytes, as: UTF8.self) else {
            throw WireError(.textContent, field, "it is not UTF-8")
        }
        return text
    }

    /// The bytes, in the memory of the message; the library gives an empty one no address.
    static func bytes(_ data: ProtobufCBinaryData) -> UnsafeBufferPointer<UInt8> {
        guard let start = unsafe data.data else {
            return unsafe UnsafeBufferPointer(start: nil, count: 0)
        }
        return unsafe UnsafeBufferPointer(start: start, count: data.len)
    }

    /// The texts of a list, checked.
    static func texts(
        _ elements: UnsafeMutablePointer<ProtobufCBinaryData>?, _ count: Int, _ rule: TextRule,
        _ field: String
    ) throws(WireError) -> [String] {
        try Bounds.list(count, field)
        guard count > 0, let elements = unsafe elements else { return [] }
        var values: [String] = []
        values.reserveCapacity(count)
        for index in 0..<count {
            values.append(try unsafe text(elements[index], rule, field))
        }
        return values
    }
}
