/// What is done for several things: each is tried, and the first failure decides the exit code.
enum EachInTurn {
    /// Does it for each name; all failures are told, and the last one is thrown.
    static func act(
        on names: [String], _ session: Session, _ body: (String) async throws -> Void
    ) async throws {
        var failures: [CommandError] = []
        for name in names {
            do {
                try await body(name)
            } catch let error as CommandError {
                failures.append(error)
                // Nor can it be asked about the others.
                if error.status == .unreachable { break }
            }
        }
        guard let last = failures.last, let first = failures.first else { return }
        for error in failures.dropLast() {
            for line in error.lines(debug: session.global.debug) { session.note(line) }
        }
        var reported = last
        reported.status = first.status
        throw reported
    }
}
