import FoundationEssentials

/// Lines of tegrastats as JSON, for looking at a board in the field.
package enum TegrastatsJSON {
    /// One JSON object for a line without its end: what was read, or `{"error":…,"line":…}`.
    package static func object(for line: some Collection<UInt8>) -> String {
        do throws(TegrastatsError) {
            return encode(Shown(reading: try TegrastatsReading(parsing: line)))
        } catch {
            // The line itself helps to see what is wrong, but it may be of any length.
            let start = String(decoding: line.prefix(200), as: UTF8.self)
            return encode(Refused(error: error.reason, code: error.code.rawValue, line: start))
        }
    }

    private struct Refused: Encodable {
        var error: String
        var code: String
        var line: String
    }

    /// A reading with what follows from it.
    private struct Shown: Encodable {
        var reading: TegrastatsReading

        enum CodingKeys: CodingKey { case gpuLoad, hottest, boardMilliwatts }

        func encode(to encoder: any Encoder) throws {
            try reading.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encodeIfPresent(reading.gpuLoad, forKey: .gpuLoad)
            try container.encodeIfPresent(reading.hottest, forKey: .hottest)
            try container.encodeIfPresent(reading.boardMilliwatts, forKey: .boardMilliwatts)
        }
    }

    private static func encode(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { return #"{"error":"no JSON"}"# }
        return String(decoding: data, as: UTF8.self)
    }
}
