import ArgumentParser
import Foundation

/// Runs jctl for this process and ends it with the command's exit code.
package func runJctl() async -> Never {
    let arguments = Array(CommandLine.arguments.dropFirst())
    exit(await Runner.run(arguments, in: .process()))
}

/// Parses the arguments, runs the verb, and turns every outcome into an exit code.
package enum Runner {
    /// Runs jctl with the arguments (without the program's name); answers the exit code.
    package static func run(_ arguments: [String], in context: Context) async -> Int32 {
        let arguments = verbFirst(arguments)
        do {
            let parsed = try await Jctl.asyncParseAsRoot(arguments)
            guard let command = parsed as? any Command else {
                var other = parsed
                try other.run()
                return ExitStatus.success.rawValue
            }
            return await perform(command, context)
        } catch {
            if let unknown = unknownVerb(arguments) {
                return report(unknown, debug: false, context)
            }
            return reportParsing(error, context)
        }
    }

    private static func perform(_ command: any Command, _ context: Context) async -> Int32 {
        let session = Session(context: context, global: command.global)
        let code = await outcome(command, session)
        await session.close()
        return code
    }

    private static func outcome(_ command: any Command, _ session: Session) async -> Int32 {
        do {
            try await untilInterrupted(session) { try await command.execute(session) }
            return ExitStatus.success.rawValue
        } catch let exit as QuietExit {
            return exit.code
        } catch let error as CommandError {
            return report(error, debug: command.global.debug, session.context)
        } catch is Interrupted {
            for line in session.farewell { session.note(line) }
            if session.endsByInterrupt { return ExitStatus.success.rawValue }
            return ExitStatus.interrupted.rawValue
        } catch is CancellationError {
            return ExitStatus.interrupted.rawValue
        } catch {
            let unknown = CommandError(.failed, "failed", why: "\(error)")
            return report(unknown, debug: command.global.debug, session.context)
        }
    }

    private struct Interrupted: Error {}

    /// Runs the work until it ends or ^C comes; then it is cancelled and `Interrupted` thrown.
    private static func untilInterrupted(
        _ session: Session, _ work: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await work()
                return true
            }
            group.addTask {
                for await _ in session.context.interrupts() { throw Interrupted() }
                return false
            }
            defer { group.cancelAll() }
            while let workEnded = try await group.next() {
                if workEnded { return }
            }
        }
    }

    private static func report(_ error: CommandError, debug: Bool, _ context: Context) -> Int32 {
        let text = error.lines(debug: debug).joined(separator: "\n") + "\n"
        context.console.writeErr(text)
        return error.status.rawValue
    }

    /// Help and version go to stdout with 0; anything else is a usage error.
    private static func reportParsing(_ error: any Error, _ context: Context) -> Int32 {
        let columns = context.console.size.map { max($0.columns, 40) } ?? 80
        let message = Jctl.fullMessage(for: error, columns: min(columns, 100))
        guard Jctl.exitCode(for: error) != .success else {
            context.console.writeOut(Data((message + "\n").utf8))
            return ExitStatus.success.rawValue
        }
        context.console.writeErr(message + "\n")
        return ExitStatus.usage.rawValue
    }
}
