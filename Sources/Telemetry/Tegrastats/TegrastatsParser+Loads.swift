// Cores and engines: `CPU [2%@345,off]`, `GR3D_FREQ 0%@[305,305]`, `NVENC1_FREQ @314`, `VIC off`.

extension TegrastatsParser {
    /// Takes the list of cores; TK1 has one clock for all behind the bracket.
    mutating func takeCores() -> Bool {
        guard reading.cores.isEmpty, let word = words.next else { return false }
        var scanner = Scanner(word)
        guard let inside = scanner.inside("[", "]") else { return false }
        var shared: Int?
        if scanner.take("@") {
            guard let clock = scanner.integer() else { return false }
            shared = clock
        }
        guard scanner.isAtEnd else { return false }
        var cores: [TegrastatsReading.Core] = []
        for var part in inside.parts() {
            guard let core = Self.core(&part, shared) else { return false }
            cores.append(core)
        }
        _ = words.take()
        reading.cores = cores
        return true
    }

    private static func core(_ part: inout Scanner, _ shared: Int?) -> TegrastatsReading.Core? {
        if part.take(text: "off") {
            return part.isAtEnd ? TegrastatsReading.Core(isOn: false) : nil
        }
        guard let load = part.percent() else { return nil }
        var clock = shared
        if part.take("@") {
            guard let own = part.integer() else { return nil }
            clock = own
        }
        guard part.isAtEnd else { return nil }
        return TegrastatsReading.Core(isOn: true, load: load, megahertz: clock)
    }

    /// Takes `MTS fg 1% bg 9%`.
    mutating func takeMTS() -> Bool {
        var after = words
        guard let foreground = Self.share(&after, "fg"), let background = Self.share(&after, "bg")
        else { return false }
        words = after
        reading.mts = TegrastatsReading.MTS(foreground: foreground, background: background)
        return true
    }

    private static func share(_ words: inout Words, _ name: StaticString) -> Double? {
        guard let label = words.take() else { return nil }
        var scanner = Scanner(label)
        guard scanner.take(text: name), scanner.isAtEnd, let value = words.take() else {
            return nil
        }
        scanner = Scanner(value)
        guard let share = scanner.percent(), scanner.isAtEnd else { return nil }
        return share
    }

    /// Takes what follows the name of an engine.
    mutating func takeEngine(_ written: String) -> Bool {
        guard let word = words.next, let name = EngineName(written) else { return false }
        var scanner = Scanner(word)
        var engine = TegrastatsReading.Engine(
            name: name.base, index: name.index, isOn: true, megahertz: [])
        if scanner.take(text: "off") {
            engine.isOn = false
        } else if let clock = scanner.integer(), scanner.isAtEnd {
            // A bare number, as of `APE 150`, is a clock; other words might be anything.
            guard name.isKnown else { return false }
            engine.megahertz = [clock]
        } else {
            scanner = Scanner(word)
            guard Self.load(&scanner, &engine) else { return false }
        }
        guard scanner.isAtEnd else { return false }
        _ = words.take()
        reading.engines.append(engine)
        return true
    }

    /// Takes `3%@1600`, `3%`, `@1600`, `3%@[305,305]` or `[3%,4%]@1600`.
    private static func load(
        _ scanner: inout Scanner, _ engine: inout TegrastatsReading.Engine
    ) -> Bool {
        if let inside = scanner.inside("[", "]") {
            for var part in inside.parts() {
                guard let load = part.percent(), part.isAtEnd else { return false }
                engine.load = max(load, engine.load ?? 0)
            }
        } else {
            engine.load = scanner.percent()
        }
        guard scanner.take("@") else { return engine.load != nil }
        if let inside = scanner.inside("[", "]") {
            for var part in inside.parts() {
                guard let clock = part.integer(), part.isAtEnd else { return false }
                engine.megahertz.append(clock)
            }
            return true
        }
        guard let clock = scanner.integer() else { return false }
        engine.megahertz = [clock]
        return true
    }
}

/// An engine's name in its parts; index and suffix differ between releases.
struct EngineName {
    /// Without index and suffix, in capitals.
    let base: String
    /// Which of its kind.
    let index: Int
    /// Whether tegrastats is known to print it.
    let isKnown: Bool

    private static let known: Set<String> = [
        "EMC", "GR3D", "VIC", "NVENC", "NVDEC", "NVJPG", "OFA", "NVDLA", "PVA", "MSENC", "APE",
        "AVP", "VDE",
    ]

    init?(_ written: String) {
        var name = written.uppercased()[...]
        var hasSuffix = false
        for suffix in ["_FREQ", "_LOAD"] where name.hasSuffix(suffix) {
            name = name.dropLast(suffix.count)
            hasSuffix = true
        }
        let digits = name.utf8.reversed().prefix { $0.isDigit }.count
        // `soc012` and the like have no index of an engine.
        guard digits <= 2 else { return nil }
        let base = name.dropLast(digits)
        guard !base.isEmpty else { return nil }
        self.base = String(base)
        index = Int(name.suffix(digits)) ?? 0
        isKnown = hasSuffix || Self.known.contains(self.base)
    }
}

extension Scanner {
    /// Takes a share in percent as one of 1; more than 100 % is no share.
    fileprivate mutating func percent() -> Double? {
        var copy = self
        guard let number = copy.number(), copy.take("%"), (0...100).contains(number) else {
            return nil
        }
        self = copy
        return number / 100
    }
}
