/// How long to wait before a program that ended is started again.
struct FeedPatience: Sendable, Hashable {
    /// The wait after the first end.
    var first = Duration.seconds(1)
    /// The longest wait.
    var longest = Duration.seconds(60)
    /// One that ran so long was no failure.
    var settled = Duration.seconds(30)
    /// The last value counts no more when nothing came for so long.
    var stale = Duration.seconds(5)
    /// A program that wrote nothing for so long hangs, and is ended.
    var silent = Duration.seconds(20)

    /// The wait after a number of failures in a row; `chance` is 0…1.
    ///
    /// At least half of the wait is kept, and the rest is left to chance, so that the boxes of a fleet
    /// do not act in step.
    func wait(afterFailures failures: Int, chance: Double) -> Duration {
        // 2^20 times any wait worth naming is longer than the longest.
        let doublings = min(max(failures, 1) - 1, 20)
        let whole = min(first * (1 << doublings), longest)
        return whole * (0.5 + min(max(chance, 0), 1) / 2)
    }
}
