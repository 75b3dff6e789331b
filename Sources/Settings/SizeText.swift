/// Sizes as people write them: `18GB` is decimal, `512MiB` binary.
package enum SizeText {
    private static let units: [(name: String, size: Int64)] = [
        ("B", 1),
        ("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
        ("PB", 1_000_000_000_000_000),
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("PiB", 1 << 50),
    ]
    private static let example = "18GB or 512MiB"

    /// Reads a size in bytes; the unit's letters may have any case.
    package static func parse(_ text: String) throws(TextProblem) -> Int64 {
        let parts = try UnitNumber.split(text, example: example)
        guard let part = parts.first, parts.count == 1 else {
            throw TextProblem("must be like \(example), not \(Shown.quoted(text))")
        }
        let unit = part.unit.lowercased()
        guard let (_, size) = units.first(where: { $0.name.lowercased() == unit }) else {
            let known = units.map(\.name).joined(separator: ", ")
            throw TextProblem(
                "has an unknown unit \(Shown.quoted(part.unit)); the units are \(known)")
        }
        guard let bytes = part.times(size) else {
            throw TextProblem("is too large: \(Shown.quoted(text))")
        }
        return bytes
    }

    /// Writes a size so that `parse` gives it back: the exact unit with the smallest number.
    package static func format(_ bytes: Int64) -> String {
        guard bytes > 0 else { return "\(bytes)B" }
        var best = (name: "B", count: bytes)
        for (name, size) in units where bytes % size == 0 && bytes / size < best.count {
            best = (name, bytes / size)
        }
        return "\(best.count)\(best.name)"
    }
}
