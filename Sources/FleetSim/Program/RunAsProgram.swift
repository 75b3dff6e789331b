package import ArgumentParser
import Foundation

extension AsyncParsableCommand {
    /// Parses the process's arguments and runs; ends the process: 0 done, 1 failed, 2 usage.
    package static func runAsProgram() async -> Never {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            Foundation.exit(0)
        } catch let code as ExitCode {
            Foundation.exit(code.rawValue)
        } catch {
            let code = exitCode(for: error)
            let text = fullMessage(for: error)
            if code.isSuccess {
                print(text)
                Foundation.exit(0)
            }
            Terminal.say(text)
            Foundation.exit(code == .validationFailure ? 2 : 1)
        }
    }
}
