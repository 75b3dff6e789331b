/// Tries something again and again, with a pause after each failure, until it succeeds or the task is cancelled.
///
/// The same trouble each time is one piece of news: only the first failure is told.
func untilItSucceeds(
    pausing pause: Duration, tell: (any Error) -> Void, _ body: () async throws -> Void
) async {
    var isFirst = true
    while !Task.isCancelled {
        do {
            return try await body()
        } catch is CancellationError {
            return
        } catch {
            if isFirst, !Task.isCancelled { tell(error) }
            isFirst = false
            try? await Task.sleep(for: pause, clock: .continuous)
        }
    }
}
