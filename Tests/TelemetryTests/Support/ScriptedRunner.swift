@testable import Telemetry

/// Programs whose output a test writes.
final class ScriptedRunner: ProgramRunner, Sendable {
    /// A running program.
    struct Run: Sendable {
        enum Step: Sendable {
            case write(String)
            case end(String)
            case fail
        }
        let program: Program
        private let steps: AsyncStream<Step>.Continuation
        /// Ends when the program has ended, however that was.
        let ended: AsyncStream<Never>

        init(
            program: Program, steps: AsyncStream<Step>.Continuation, ended: AsyncStream<Never>
        ) {
            self.program = program
            self.steps = steps
            self.ended = ended
        }

        func write(_ text: String) { steps.yield(.write(text)) }
        func end(_ how: String) { steps.yield(.end(how)) }
        func fail() { steps.yield(.fail) }
    }

    struct CannotStart: Error {}

    /// The programs as they are started.
    let runs: AsyncStream<Run>
    private let tell: AsyncStream<Run>.Continuation

    init() { (runs, tell) = AsyncStream.makeStream() }

    func run(_ program: Program, receive: ([UInt8]) -> Void) async throws -> String {
        let (steps, control) = AsyncStream<Run.Step>.makeStream()
        let (ended, ending) = AsyncStream<Never>.makeStream()
        defer { ending.finish() }
        tell.yield(Run(program: program, steps: control, ended: ended))
        for await step in steps {
            switch step {
            case .write(let text): receive(Array(text.utf8))
            case .end(let how): return how
            case .fail: throw CannotStart()
            }
        }
        throw CancellationError()
    }
}
