/// Finds what somebody probably meant.
package enum Suggestion {
    /// The longest text compared, in bytes: the work grows with the square.
    static let lengthLimit = 64

    /// The nearest of `candidates` to `text`, if one is near enough to be meant; the first of equals.
    package static func nearest(to text: String, among candidates: [String]) -> String? {
        guard text.utf8.count <= lengthLimit, !text.isEmpty else { return nil }
        let most = max(1, text.utf8.count / 3)
        var best: (name: String, distance: Int)?
        for candidate in candidates where candidate != text {
            let length = candidate.utf8.count
            guard length <= lengthLimit, abs(length - text.utf8.count) <= most else { continue }
            let distance = distance(text.lowercased(), candidate.lowercased())
            guard distance <= most, distance < best?.distance ?? Int.max else { continue }
            best = (candidate, distance)
        }
        return best?.name
    }

    /// `; did you mean X?`, or nothing.
    package static func hint(for text: String, among candidates: [String]) -> String {
        nearest(to: text, among: candidates).map { "; did you mean \($0)?" } ?? ""
    }

    /// How many edits (insert, delete, replace, swap neighbours) make `a` into `b`.
    package static func distance(_ a: String, _ b: String) -> Int {
        let a = Array(a.utf8)
        let b = Array(b.utf8)
        guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in 1...a.count {
            var row = [Int](repeating: i, count: b.count + 1)
            for j in 1...b.count {
                let change = a[i - 1] == b[j - 1] ? 0 : 1
                row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + change)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    row[j] = min(row[j], beforeLast[j - 2] + 1)
                }
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}
