import Foundation

/// What somebody hears who follows one thing to its end.
enum StreamNews: Sendable {
    /// A connection stands: what came before was not heard.
    case connected
    /// The stream is lost, and tried again.
    case lost
    /// Something happened.
    case events([ServerSentEvent])
    /// A second has passed, for those who show how long it takes.
    case tick
    /// The time is over.
    case deadline
}

extension EventStream {
    /// Hands the stream's news to `body`, which waits for them one by one; they end by throwing only.
    ///
    /// With `latestOnly` what is not taken in time makes room for what comes: enough for who only wants to
    /// know that something has changed.
    func withNews<Result: Sendable>(
        until deadline: Date?, latestOnly: Bool = false,
        _ body: (AsyncThrowingStream<StreamNews, any Error>) async throws -> Result
    ) async throws -> Result {
        // Else without a bound: what is done about one of them takes seconds at most.
        let (news, out) = AsyncThrowingStream.makeStream(
            of: StreamNews.self, bufferingPolicy: latestOnly ? .bufferingNewest(1) : .unbounded)
        var stream = self
        stream.changed = { if !$0 { out.yield(.lost) } }
        let (following, context) = (stream, session.context)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    try await following.run {
                        out.yield(.connected)
                    } handle: {
                        out.yield(.events($0))
                    }
                } catch {
                    out.finish(throwing: error)
                }
            }
            if context.console.errIsTerminal, !latestOnly {
                group.addTask {
                    // As people see it go by.
                    while (try? await Task.sleep(for: .seconds(1))) != nil { out.yield(.tick) }
                }
            }
            if let deadline {
                group.addTask {
                    let left = max(0, deadline.timeIntervalSince(context.now()))
                    try await context.pause(.milliseconds(Int64((left * 1_000).rounded(.up))))
                    out.yield(.deadline)
                }
            }
            defer { group.cancelAll() }
            return try await body(news)
        }
    }
}
