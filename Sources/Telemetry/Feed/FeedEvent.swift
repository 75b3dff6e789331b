/// What happens to a feed, for logs.
package enum FeedEvent: Sendable, Hashable {
    /// A line was read, and is the last value now.
    case updated(program: String)
    /// A line could not be read.
    case refused(program: String, reason: String)
    /// The program ended, or could not be started; it is started again after a while.
    case ended(program: String, how: String, again: Duration)
}
