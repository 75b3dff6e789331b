/// The first answer that comes in time; nil when none does, or when the task is cancelled.
///
/// Whoever is late is not waited for: a lookup of a name, for one, cannot be called off.
func inTime<Answer: Sendable>(
    _ patience: Duration, _ ask: (AsyncStream<Answer>.Continuation) -> Void
) async -> Answer? {
    let (answers, out) = AsyncStream.makeStream(
        of: Answer.self, bufferingPolicy: .bufferingOldest(1))
    defer { out.finish() }
    ask(out)
    return await withTaskGroup(of: Answer?.self) { group in
        group.addTask {
            for await answer in answers { return answer }
            return nil
        }
        group.addTask {
            try? await Task.sleep(for: patience)
            return nil
        }
        defer { group.cancelAll() }
        return await group.next() ?? nil
    }
}
