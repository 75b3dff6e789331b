import FleetCore

/// Checks of numbers, the same in both directions.
enum Bounds {
    /// Refuses a list of more than `most` elements.
    static func list(
        _ count: Int, of most: Int = WireLimits.list, _ field: String
    ) throws(WireError) {
        guard (0...most).contains(count) else {
            throw WireError(
                .tooMany, field, "it has \(count) elements, at most \(most) are allowed")
        }
    }

    /// The sensors, rails or containers of a sample, as many as are allowed and none twice.
    ///
    /// Two of one name would be two lines of one name in the metrics, which nobody could read then.
    static func measured<Value>(
        _ values: [Value], by name: KeyPath<Value, String>,
        atMost most: Int = WireLimits.measurements, _ field: String
    ) throws(WireError) -> [Value] {
        try list(values.count, of: most, field)
        guard Set(values.map { $0[keyPath: name] }).count == values.count else {
            throw WireError(.textContent, field, "it has a name twice")
        }
        return values
    }

    /// A number within `range` that fits the wire's 32 bits.
    static func number(
        _ value: Int, in range: ClosedRange<Int>, _ field: String
    ) throws(WireError) -> UInt32 {
        guard range.contains(value), let number = UInt32(exactly: value) else {
            throw outOfRange("\(value)", "\(range.lowerBound) … \(range.upperBound)", field)
        }
        return number
    }

    /// A number of the wire, within `range`.
    static func number(
        _ value: UInt32, in range: ClosedRange<Int>, _ field: String
    ) throws(WireError) -> Int {
        guard let number = Int(exactly: value), range.contains(number) else {
            throw outOfRange("\(value)", "\(range.lowerBound) … \(range.upperBound)", field)
        }
        return number
    }

    /// A count of bytes of the wire, at most `most`.
    static func size(_ value: UInt64, atMost most: Int, _ field: String) throws(WireError) -> Int {
        guard let size = Int(exactly: value), size <= most else {
            throw outOfRange("\(value)", "0 … \(most)", field)
        }
        return size
    }

    /// A count of bytes from 0; nil stays nil.
    static func size(_ value: Int64?, _ field: String) throws(WireError) -> Int64? {
        guard let value else { return nil }
        guard value >= 0 else { throw outOfRange("\(value)", "at least 0", field) }
        return value
    }

    /// A duration within 0 … ten years, in nanoseconds.
    static func nanoseconds(_ value: Duration, _ field: String) throws(WireError) -> Int64 {
        guard value >= .zero, value <= WireLimits.duration else {
            throw outOfRange("\(value)", "0 … \(WireLimits.duration)", field)
        }
        return value.nanoseconds
    }

    /// A duration of the wire, within 0 … ten years.
    static func duration(_ value: Int64, _ field: String) throws(WireError) -> Duration {
        guard value >= 0, value <= WireLimits.duration.nanoseconds else {
            throw outOfRange("\(value) ns", "0 … \(WireLimits.duration)", field)
        }
        return .nanoseconds(value)
    }

    /// A finite number.
    static func finite(_ value: Double, _ field: String) throws(WireError) -> Double {
        guard value.isFinite else { throw outOfRange("\(value)", "a finite number", field) }
        return value
    }

    /// A finite number; nil stays nil.
    static func finite(_ value: Double?, _ field: String) throws(WireError) -> Double? {
        guard let value else { return nil }
        let number: Double = try finite(value, field)
        return number
    }

    /// A finite number, moved into 0…1; nil stays nil.
    static func fraction(_ value: Double?, _ field: String) throws(WireError) -> Double? {
        guard let value = try finite(value, field) else { return nil }
        return min(max(value, 0), 1)
    }

    private static func outOfRange(
        _ value: String, _ allowed: String, _ field: String
    ) -> WireError {
        WireError(.outOfRange, field, "it is \(value), allowed is \(allowed)")
    }
}
