import FleetCore

/// A stretch of places, both ends in it.
struct PlaceSpan {
    private(set) var first: Int64 = 0
    private(set) var last = Int64.max

    /// Where a page can have jobs: behind a place, and in the filter's time; nil for nowhere.
    init?(_ filter: JobFilter, behind cursor: Int64?, _ order: JobOrder) {
        if let since = filter.since { first = Self.place(since) }
        if let until = filter.until { last = Self.place(until) - 1 }
        switch (order, cursor) {
        case (_, nil): break
        case (.newest, let cursor?):
            guard cursor > 0 else { return nil }
            last = min(last, cursor - 1)
        case (.oldest, let cursor?):
            guard cursor < .max else { return nil }
            first = max(first, cursor + 1)
        }
        guard first <= last else { return nil }
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
