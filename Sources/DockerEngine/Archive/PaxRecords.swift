/// The `length key=value\n` records of a pax extended header.
enum PaxRecords {
    /// Reads all records; a later one of the same key wins.
    ///
    /// - Throws: `.archiveRejected` for anything but well-formed records.
    static func parse(_ bytes: [UInt8]) throws(DockerError) -> [String: String] {
        var records: [String: String] = [:]
        var rest = bytes[...]
        while !rest.isEmpty {
            let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard (1...7).contains(digits.count),
                let length = Int(String(decoding: digits, as: UTF8.self)),
                length <= rest.count, length > digits.count + 2
            else { throw TarHeader.damaged("a broken extended header") }
            let record = rest.prefix(length)
            rest = rest.dropFirst(length)
            let body = record.dropFirst(digits.count)
            guard body.first == UInt8(ascii: " "), body.last == UInt8(ascii: "\n"),
                let equals = body.firstIndex(of: UInt8(ascii: "="))
            else { throw TarHeader.damaged("a broken extended header") }
            // Values such as xattrs may be binary; only the keys we use must be text.
            let key = String(decoding: body[body.startIndex..<equals].dropFirst(), as: UTF8.self)
            guard key == "path" || key == "size" else {
                if key.hasPrefix("GNU.sparse") { records["GNU.sparse"] = "" }
                continue
            }
            let value = body[equals...].dropFirst().dropLast()
            guard !value.contains(0), let text = String(validating: value, as: UTF8.self) else {
                throw TarHeader.damaged("a name that is not UTF-8")
            }
            records[key] = text
        }
        return records
    }

    /// Writes one record, whose length counts its own digits.
    static func record(_ key: String, _ value: String) -> [UInt8] {
        let bodyCount = 1 + key.utf8.count + 1 + value.utf8.count + 1
        var length = bodyCount + 1
        while String(length).utf8.count + bodyCount != length { length += 1 }
        return Array("\(length) \(key)=\(value)\n".utf8)
    }
}
