// Memory: `RAM 714/1876MB (lfb 139x4MB)`, `SWAP 0/2048MB (cached 0MB)`, `IRAM 0/252kB(lfb 252kB)`.

extension TegrastatsParser {
    /// Takes the sizes that follow a name of memory.
    mutating func takeMemory(
        _ field: WritableKeyPath<TegrastatsReading, TegrastatsReading.Memory?>
    ) -> Bool {
        guard reading[keyPath: field] == nil, let word = words.next else { return false }
        var scanner = Scanner(word)
        guard let used = scanner.integer(), scanner.take("/"), let total = scanner.integer(),
            let unit = scanner.unit(), let used = Self.bytes(used, unit),
            let total = Self.bytes(total, unit)
        else { return false }
        _ = words.take()
        var memory = TegrastatsReading.Memory(used: used, total: total)
        if scanner.isAtEnd, let next = words.next, next.first == UInt8(ascii: "(") {
            scanner = Scanner(next)
            if Self.note(&scanner, &memory) { _ = words.take() }
        } else if !scanner.isAtEnd, !Self.note(&scanner, &memory) {
            reading.unknown.append(String(decoding: word, as: UTF8.self))
        }
        reading[keyPath: field] = memory
        return true
    }

    /// Takes `(lfb 4x2MB)`, `(lfb 252kB)` or `(cached 0MB)`.
    private static func note(
        _ scanner: inout Scanner, _ memory: inout TegrastatsReading.Memory
    ) -> Bool {
        guard var inside = scanner.inside("(", ")"), scanner.isAtEnd else { return false }
        if inside.take(text: "cached ") {
            guard let size = size(&inside), inside.isAtEnd else { return false }
            memory.cached = size
            return true
        }
        guard inside.take(text: "lfb ") else { return false }
        var count: Int?
        var ahead = inside
        if let number = ahead.integer(), ahead.take("x") {
            count = number
            inside = ahead
        }
        guard let size = size(&inside), inside.isAtEnd else { return false }
        memory.largestFree = size
        memory.largestFreeCount = count
        return true
    }

    private static func size(_ scanner: inout Scanner) -> UInt64? {
        guard let number = scanner.integer(), let unit = scanner.unit() else { return nil }
        return bytes(number, unit)
    }

    private static func bytes(_ count: Int, _ unit: UInt64) -> UInt64? {
        guard let count = UInt64(exactly: count) else { return nil }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: unit)
        return overflow ? nil : bytes
    }
}

extension Scanner {
    /// Takes a unit; they are written like decimal ones, but /proc/meminfo shows that they are binary.
    fileprivate mutating func unit() -> UInt64? {
        if take(text: "kB") { return 1 << 10 }
        if take(text: "MB") { return 1 << 20 }
        if take(text: "GB") { return 1 << 30 }
        return nil
    }
}
