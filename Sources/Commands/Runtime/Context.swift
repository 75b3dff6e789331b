package import Foundation

/// The world around one run of jctl: terminal, environment, time and ^C.
package struct Context: Sendable {
    /// Where the command reads and writes.
    package var console: any Console
    /// The environment's variables.
    package var environment: [String: String]
    /// The wall clock, for ages.
    package var now: @Sendable () -> Date
    /// Waits, throwing when cancelled.
    package var pause: @Sendable (Duration) async throws -> Void
    /// One element for each ^C.
    package var interrupts: @Sendable () -> AsyncStream<Void>
    /// Takes the terminal over; nil where there is none to draw on.
    var screen: (@Sendable () throws -> any Screen)?

    /// Creates a context.
    package init(
        console: any Console, environment: [String: String],
        now: @escaping @Sendable () -> Date = { Date() },
        pause: @escaping @Sendable (Duration) async throws -> Void = {
            try await Task.sleep(for: $0)
        },
        interrupts: @escaping @Sendable () -> AsyncStream<Void> = { AsyncStream { _ in } }
    ) {
        self.console = console
        self.environment = environment
        self.now = now
        self.pause = pause
        self.interrupts = interrupts
    }

    /// The process's own world.
    static func process() -> Context {
        var context = Context(
            console: StandardConsole(), environment: ProcessInfo.processInfo.environment,
            interrupts: { Interrupts.stream() })
        context.screen = { try TerminalScreen() }
        return context
    }

    /// A variable's value, nil when unset or empty.
    func variable(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}
