import FoundationEssentials
import NIOCore

/// A file carried inside a string, as `data:type/subtype;base64,…`.
struct DataURL {
    let contentType: String
    let isBase64: Bool
    let payload: ArraySlice<UInt8>

    static let headerBytesMax = 256

    /// Nil when the text does not look like a data URL: a sentence that starts with "data:" is a
    /// sentence.
    init?(_ text: ArraySlice<UInt8>) {
        guard text.starts(with: "data:".utf8) else { return nil }
        let rest = text.dropFirst(5)
        guard let comma = rest.prefix(Self.headerBytesMax).firstIndex(of: UInt8(ascii: ",")) else {
            return nil
        }
        let header = String(decoding: rest[..<comma], as: UTF8.self)
        let parts = header.split(separator: ";", omittingEmptySubsequences: false)
        let type = String(parts.first ?? "")
        // Python's server writes "None" for a type it could not guess.
        guard type.isEmpty || type == "None" || ContentType.sanitised(type) == type.lowercased(),
            header.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        contentType =
            type.isEmpty ? "text/plain" : ContentType.sanitised(type)
        isBase64 = parts.dropFirst().contains { $0.lowercased() == "base64" }
        payload = rest[(comma + 1)...]
    }

    /// Most bytes the payload can decode to.
    var decodedBytesMax: Int { isBase64 ? (payload.count / 4 + 1) * 3 : payload.count }

    /// The file's bytes; throws `badOutput` when the payload is not what the header says.
    func decoded() throws(WorkerError) -> ByteBuffer {
        guard isBase64 else { return ByteBuffer(bytes: try percentDecoded()) }
        guard let bytes = Self.base64(payload) else {
            throw WorkerError(.badOutput, "An output's data URL is not valid base64.")
        }
        return bytes
    }

    /// Decodes base64; nil when it is none.
    static func base64(_ encoded: ArraySlice<UInt8>) -> ByteBuffer? {
        var text = Data(encoded)
        // Padding is optional in the wild.
        while text.count % 4 != 0, text.count % 4 != 1 { text.append(UInt8(ascii: "=")) }
        return Data(base64Encoded: text).map { ByteBuffer(bytes: $0) }
    }

    private func percentDecoded() throws(WorkerError) -> [UInt8] {
        var plain: [UInt8] = []
        plain.reserveCapacity(payload.count)
        var index = payload.startIndex
        while index < payload.endIndex {
            let byte = payload[index]
            index += 1
            guard byte == UInt8(ascii: "%") else {
                plain.append(byte)
                continue
            }
            guard index + 1 < payload.endIndex,
                let high = JSONEscapes.hexValue(payload[index]),
                let low = JSONEscapes.hexValue(payload[index + 1])
            else { throw WorkerError(.badOutput, "An output's data URL has a broken % escape.") }
            plain.append(high << 4 | low)
            index += 2
        }
        return plain
    }
}
