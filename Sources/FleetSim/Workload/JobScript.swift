import FleetCore

/// What a piece of work does, as its input says: `MILLISECONDS END`.
struct JobScript: Hashable {
    /// How the work ends.
    enum End: String, CaseIterable {
        /// It succeeds.
        case ok
        /// It says that it failed.
        case fail
        /// Its worker refuses the input.
        case refuse
        /// Its container dies.
        case crash
        /// The kernel kills its container.
        case oom
        /// It does not stop when asked to.
        case deaf
        /// It is done and never says so.
        case silent
        /// It never ends by itself.
        case hang
        /// It says twice that it is done.
        case twice
    }

    let length: Duration
    let end: End

    init(_ input: String) {
        let words = input.split(separator: " ")
        length = .milliseconds(words.first.flatMap { Int64($0) } ?? 1_000)
        end = words.count > 1 ? End(rawValue: String(words[1])) ?? .ok : .ok
    }

    /// The input that asks for this.
    static func input(_ length: Duration, _ end: End) -> String {
        "\(length.nanoseconds / 1_000_000) \(end.rawValue)"
    }
}
