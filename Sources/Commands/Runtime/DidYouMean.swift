/// Suggests what was meant by a misspelt word.
enum DidYouMean {
    /// `did you mean 'jobs'?`, or nil when nothing is near.
    static func hint(_ word: String, among candidates: [String]) -> String? {
        nearest(word, among: candidates).map { "did you mean '\($0)'?" }
    }

    /// The nearest candidate within a third of the word's length (at least 1, at most 3 edits).
    static func nearest(_ word: String, among candidates: [String]) -> String? {
        let typed = Array(word.lowercased().prefix(64))
        let bound = min(3, max(1, typed.count / 3 + (typed.count > 3 ? 1 : 0)))
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let name = Array(candidate.lowercased())
            let isPrefix = typed.count >= 2 && name.starts(with: typed)
            let distance = isPrefix ? 1 : editDistance(typed, name)
            guard distance <= bound, distance < best?.distance ?? .max else { continue }
            best = (candidate, distance)
        }
        return best?.name
    }

    /// Insertions, deletions, replacements and swaps of neighbours to get from one to the other.
    private static func editDistance(_ a: [Character], _ b: [Character]) -> Int {
        var before: [Int] = []
        var previous = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                let replace = previous[j] + (a[i] == b[j] ? 0 : 1)
                var least = min(replace, previous[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    least = min(least, before[j - 1] + 1)
                }
                row.append(least)
            }
            before = previous
            previous = row
        }
        return previous[b.count]
    }
}
