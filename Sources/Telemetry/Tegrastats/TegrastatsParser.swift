extension TegrastatsReading {
    /// Reads a line without its end.
    ///
    /// The grammar is pieced together from NVIDIA's documents and from what boards print; whatever
    /// is not of it stays in `unknown`.
    package init(parsing line: some Collection<UInt8>) throws(TegrastatsError) {
        var parser = TegrastatsParser(words: try Words(line))
        self = try parser.run()
    }

    /// Reads a line without its end.
    package init(parsing line: String) throws(TegrastatsError) {
        try self.init(parsing: line.utf8)
    }
}

/// Reads one line, word by word.
struct TegrastatsParser {
    var words: Words
    var reading = TegrastatsReading()
    private var railNames: Set<String> = []

    init(words: Words) { self.words = words }

    /// Reads everything.
    mutating func run() throws(TegrastatsError) -> TegrastatsReading {
        takeTime()
        while let word = words.take() {
            guard !takeField(word) else { continue }
            reading.unknown.append(String(decoding: word, as: UTF8.self))
        }
        dropAmbiguous()
        guard !reading.isEmpty else {
            throw TegrastatsError(
                code: .nothingKnown, reason: "the line has no field that tegrastats prints")
        }
        return reading
    }

    /// Takes the field that begins with a word.
    private mutating func takeField(_ word: ArraySlice<UInt8>) -> Bool {
        var scanner = Scanner(word)
        guard let name = scanner.name() else { return false }
        guard scanner.isAtEnd else { return takeSensor(word) }
        switch name.uppercased() {
        case "RAM": return takeMemory(\.memory)
        case "SWAP": return takeMemory(\.swap)
        case "IRAM": return takeMemory(\.iram)
        case "MTS": return takeMTS()
        // On AGX Xavier a rail is called CPU as well.
        case "CPU" where takeCores(): return true
        default: return takeEngine(name) || takeRail(name)
        }
    }

    private mutating func takeTime() {
        guard let date = words.next, Self.hasShape(date, "00-00-0000") else { return }
        var after = words
        _ = after.take()
        guard let clock = after.next, Self.hasShape(clock, "00:00:00") else { return }
        _ = after.take()
        reading.time = String(decoding: date + [UInt8(ascii: " ")] + clock, as: UTF8.self)
        words = after
    }

    /// Whether a word is like a pattern in which `0` is any digit.
    private static func hasShape(_ word: ArraySlice<UInt8>, _ pattern: String) -> Bool {
        word.count == pattern.utf8.count
            && zip(word, pattern.utf8).allSatisfy { byte, sign in
                sign == UInt8(ascii: "0") ? byte.isDigit : byte == sign
            }
    }

    /// Takes `cpu@34.8C`, of R39 also `cpu@34.8C/35.9C`: now, and the highest so far.
    private mutating func takeSensor(_ word: ArraySlice<UInt8>) -> Bool {
        var scanner = Scanner(word)
        guard let name = scanner.name(), scanner.take("@"), let now = scanner.number(),
            scanner.take("C")
        else { return false }
        var peak: Double?
        if scanner.take("/") {
            guard let number = scanner.number(), scanner.take("C") else { return false }
            peak = number
        }
        guard scanner.isAtEnd else { return false }
        // The sensor of a domain without power; the field was understood, but tells nothing.
        guard SensorRule.real.contains(now) else { return true }
        reading.sensors.append(
            TegrastatsReading.Sensor(
                name: name, celsius: now,
                peak: peak.flatMap { SensorRule.real.contains($0) ? $0 : nil }))
        return true
    }

    /// Takes `VDD_IN 2532/2698`, `VDD_IN 4915mW/4915mW`, of R39 `…/…/…`: now, mean, highest.
    private mutating func takeRail(_ name: String) -> Bool {
        guard let value = words.next, let (now, mean, peak) = Self.milliwatts(value) else {
            return false
        }
        _ = words.take()
        guard !RailRule.isUnconnected(name) else { return true }
        if !railNames.insert(name).inserted, !reading.ambiguousRails.contains(name) {
            reading.ambiguousRails.append(name)
        }
        reading.rails.append(
            TegrastatsReading.Rail(name: name, milliwatts: now, mean: mean, peak: peak))
        return true
    }

    /// Two or three numbers; the unit may be missing at each of them.
    private static func milliwatts(
        _ word: ArraySlice<UInt8>
    ) -> (now: Int, mean: Int, peak: Int?)? {
        var scanner = Scanner(word)
        var values: [Int] = []
        repeat {
            guard let value = scanner.integer() else { return nil }
            _ = scanner.take(text: "mW")
            values.append(value)
        } while scanner.take("/")
        guard scanner.isAtEnd, let now = values.first, values.count == 2 || values.count == 3
        else { return nil }
        let others = values.dropFirst()
        guard let mean = others.first else { return nil }
        return (now, mean, others.dropFirst().first)
    }

    private mutating func dropAmbiguous() {
        let ambiguous = Set(reading.ambiguousRails)
        reading.rails.removeAll { ambiguous.contains($0.name) }
        reading.sensors = Self.unrepeated(reading.sensors) { $0.name }
        reading.engines = Self.unrepeated(reading.engines) { "\($0.name) \($0.index)" }
    }

    /// Without those whose key stands there more than once: nobody can say which of them is meant.
    private static func unrepeated<T>(_ values: [T], _ key: (T) -> String) -> [T] {
        let counts = Dictionary(values.map { (key($0), 1) }, uniquingKeysWith: &+)
        return values.filter { counts[key($0)] == 1 }
    }
}

extension TegrastatsReading {
    /// Whether nothing was understood but perhaps the time.
    fileprivate var isEmpty: Bool {
        memory == nil && swap == nil && iram == nil && mts == nil && cores.isEmpty
            && engines.isEmpty && sensors.isEmpty && rails.isEmpty && ambiguousRails.isEmpty
    }
}
