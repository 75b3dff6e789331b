import FleetCore

/// A stretch of places, both ends in it.
struct PlaceSpan {
    private(set) var first: Int64 = 0
    private(set) var last = Int64.max

    /// All places.
    static let all = PlaceSpan()
    private init() {}

    /// Where a page can have jobs: behind a place, and in the filter's time; nil for nowhere.
    init?(_ filter: JobFilter, behind cursor: Int64?, _ order: JobOrder) {
        if let since = filter.since { first = Self.place(since) }
        if let until = filter.until { last = Self.place(until) - 1 }
        guard let cursor else {
            guard first <= last else { return nil }
            return
        }
        guard begin(behind: cursor, order) else { return nil }
    }

    /// Leaves all up to a place out; false when nothing is left then.
    mutating func begin(behind place: Int64, _ order: JobOrder) -> Bool {
        switch order {
        case .newest:
            guard place > 0 else { return false }
            last = min(last, place - 1)
        case .oldest:
            guard place < .max else { return false }
            first = max(first, place + 1)
        }
        return first <= last
    }

    /// The places of it that a volume has.
    func within(_ volume: CatalogueVolumes.Volume) -> PlaceSpan {
        var span = self
        (span.first, span.last) = (max(first, volume.first), min(last, volume.last))
        return span
    }

    /// Leaves what comes behind a place out: a page is full without it.
    mutating func end(at place: Int64, _ order: JobOrder) {
        switch order {
        case .newest: first = max(first, place)
        case .oldest: last = min(last, place)
        }
    }

    /// The first place of the jobs submitted in the millisecond of an instant or later.
    private static func place(_ instant: Instant) -> Int64 {
        let (whole, rest) = instant.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000)
        return CatalogueWriter.seq(milliseconds: rest > 0 ? whole + 1 : whole)
    }
}
