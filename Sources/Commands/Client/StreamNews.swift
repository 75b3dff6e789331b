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
    /// The stream as news, until the deadline; ends by throwing only.
    ///
    /// With `latestOnly` what is not taken in time makes room for what comes: enough for who only wants to
    /// know that something has changed.
    func news(
        until deadline: Date?, latestOnly: Bool = false
    ) -> AsyncThrowingStream<StreamNews, any Error> {
        // Else without a bound: what is done about one of them takes seconds at most.
        let (news, out) = AsyncThrowingStream.makeStream(
            of: StreamNews.self, bufferingPolicy: latestOnly ? .bufferingNewest(1) : .unbounded)
        var stream = self
        stream.changed = { if !$0 { out.yield(.lost) } }
        let (following, context) = (stream, session.context)
        let left = deadline.map { max(0, $0.timeIntervalSince(context.now())) }
        let task = Task {
            do {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        try await following.run {
                            out.yield(.connected)
                        } handle: {
                            out.yield(.events($0))
                        }
                    }
                    if context.console.errIsTerminal, !latestOnly {
                        group.addTask {
                            while true {
                                // As people see it go by.
                                try await Task.sleep(for: .seconds(1))
                                out.yield(.tick)
                            }
                        }
                    }
                    if let left {
                        group.addTask {
                            try await context.pause(.milliseconds(Int64(left * 1_000)))
                            out.yield(.deadline)
                        }
                    }
                    try await group.waitForAll()
                }
            } catch {
                out.finish(throwing: error)
            }
        }
        out.onTermination = { _ in task.cancel() }
        return news
    }
}
