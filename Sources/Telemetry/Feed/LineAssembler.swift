/// Makes lines of what a program writes, in whatever pieces it comes.
package struct LineAssembler {
    /// The bytes a line may have; of a longer one just one byte more is kept, so that it shows.
    private let lineMax: Int
    private var line: [UInt8] = []

    /// Starts at the beginning of a line.
    package init(lineMax: Int = TegrastatsReading.lineMax) {
        precondition(lineMax > 0, "a line has room for something")
        self.lineMax = lineMax
    }

    /// Takes a piece; the lines that end in it, without their ends.
    package mutating func append(_ piece: some Collection<UInt8>) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var rest = piece[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            keep(rest[..<end])
            lines.append(line)
            line.removeAll(keepingCapacity: true)
            rest = rest[end...].dropFirst()
        }
        keep(rest)
        return lines
    }

    /// The line that was begun last, when the program ended without ending it.
    package mutating func finish() -> [UInt8]? {
        defer { line.removeAll() }
        return line.isEmpty ? nil : line
    }

    private mutating func keep(_ bytes: some Collection<UInt8>) {
        line += bytes.prefix(max(0, lineMax + 1 - line.count))
    }
}
