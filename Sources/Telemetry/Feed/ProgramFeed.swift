import Synchronization

/// Keeps a program running that writes a line now and then, and has the value of the last one.
///
/// A program that ends or hangs is started again, more and more rarely. A value that is old is none.
final class ProgramFeed<Value: Sendable, Runner: ProgramRunner, Time: Clock>: Sendable
where Time.Duration == Duration {
    let program: Program
    private let runner: Runner
    private let clock: Time
    private let patience: FeedPatience
    /// 0…1.
    private let chance: @Sendable () -> Double
    /// The value of a line, or why it has none.
    private let read: @Sendable ([UInt8]) -> Result<Value, FeedRefusal>
    private let report: @Sendable (FeedEvent) -> Void
    private let state: Mutex<State>

    private struct State {
        /// The value of the last line that had one, and when it came.
        var last: (value: Value, at: Time.Instant)?
        /// When the program last wrote something, or was started.
        var heardAt: Time.Instant
    }

    init(
        program: Program, runner: Runner, clock: Time, patience: FeedPatience = FeedPatience(),
        chance: @escaping @Sendable () -> Double = { Double.random(in: 0...1) },
        report: @escaping @Sendable (FeedEvent) -> Void,
        read: @escaping @Sendable ([UInt8]) -> Result<Value, FeedRefusal>
    ) {
        self.program = program
        self.runner = runner
        self.clock = clock
        self.patience = patience
        self.chance = chance
        self.report = report
        self.read = read
        state = Mutex(State(heardAt: clock.now))
    }

    /// The last value, unless it is stale.
    var latest: Value? {
        let now = clock.now
        return state.withLock { state in
            guard let last = state.last, last.at.duration(to: now) <= patience.stale else {
                return nil
            }
            return last.value
        }
    }

    /// Keeps the program running until the task is cancelled; it has ended when this returns.
    func run() async {
        var failures = 0
        while !Task.isCancelled {
            let started = clock.now
            let how = await runOnce()
            guard !Task.isCancelled else { return }
            let hasSettled = started.duration(to: clock.now) >= patience.settled
            failures = hasSettled ? 1 : failures + 1
            let wait = patience.wait(afterFailures: failures, chance: chance())
            report(.ended(program: program.name, how: how, again: wait))
            try? await clock.sleep(for: wait)
        }
    }

    /// Runs the program until it ends, or hangs and is ended; how that was.
    private func runOnce() async -> String {
        let now = clock.now
        state.withLock { $0.heardAt = now }
        return await withTaskGroup(of: String?.self) { group in
            group.addTask {
                var lines = LineAssembler()
                do {
                    return try await self.runner.run(self.program) { piece in
                        for line in lines.append(piece) { self.take(line) }
                    }
                } catch {
                    return "\(error)"
                }
            }
            group.addTask { await self.waitForSilence() }
            var how = "it ended"
            while let end = await group.next() {
                // The first one to end says why; the other is ended by it.
                if !group.isCancelled, let end { how = end }
                group.cancelAll()
            }
            return how
        }
    }

    private func take(_ line: [UInt8]) {
        let now = clock.now
        switch read(line) {
        case .success(let value):
            state.withLock {
                $0.last = (value, now)
                $0.heardAt = now
            }
            report(.updated(program: program.name))
        case .failure(let refusal):
            state.withLock { $0.heardAt = now }
            report(.refused(program: program.name, reason: refusal.reason))
        }
    }

    /// Returns when the program has written nothing for too long.
    private func waitForSilence() async -> String? {
        while !Task.isCancelled {
            let end = state.withLock { $0.heardAt }.advanced(by: patience.silent)
            guard clock.now < end else { return "it wrote nothing for \(patience.silent)" }
            try? await clock.sleep(until: end, tolerance: nil)
        }
        return nil
    }
}

/// Why a line has no value.
struct FeedRefusal: Error, Sendable, Hashable {
    /// For people.
    let reason: String
}
