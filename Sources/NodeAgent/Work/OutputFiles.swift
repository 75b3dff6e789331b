import DockerEngine

/// Names for the files an attempt left, one path component each.
enum OutputFiles {
    /// The most files of one attempt.
    static let filesMax = 256
    /// The most bytes of all files of one attempt.
    static let bytesMax: Int64 = 16 << 30
    /// The most bytes of a name: what a file system and the link allow.
    static let nameBytesMax = 255

    /// A name for each path, in order: `a/b.png` becomes `a-b.png`, a name that is taken `a-b-2.png`.
    static func flatten(_ paths: [String]) -> [String] {
        var taken: Set<String> = []
        return paths.map { path in
            let flat = path.pathParts.filter { !$0.isEmpty }.joined(separator: "-")
            let name = flat.unicodeScalars.map { scalar in
                scalar.value < 0x20 || scalar.value == 0x7f ? "_" : String(scalar)
            }.joined()
            var candidate = cut(name, bytes: nameBytesMax, number: nil)
            var number = 2
            while !taken.insert(candidate).inserted {
                candidate = cut(name, bytes: nameBytesMax, number: number)
                number += 1
            }
            return candidate
        }
    }

    private static func cut(_ name: String, bytes: Int, number: Int?) -> String {
        let usable = ["", ".", ".."].contains(name) ? "output" : name
        let dot = usable.lastIndex(of: ".").flatMap { $0 == usable.startIndex ? nil : $0 }
        // An overlong extension is none.
        let end = dot.map { String(usable[$0...]) }.flatMap { $0.utf8.count <= 20 ? $0 : nil } ?? ""
        let suffix = (number.map { "-\($0)" } ?? "") + end
        var stem = String(usable.dropLast(end.count))
        while stem.utf8.count + suffix.utf8.count > bytes { stem.unicodeScalars.removeLast() }
        return stem + suffix
    }
}
