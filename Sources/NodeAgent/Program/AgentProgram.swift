import FoundationEssentials
import Glibc
import Logging
import NIOCore
import ServiceLifecycle
import Settings
import Telemetry
import UnixSignals

/// `fleet-agent` on the command line.
package enum AgentProgram {
    /// Runs a command line without the program's name; the exit code.
    package static func main(
        _ arguments: [String], environment: [String: String]
    ) async -> Int32 {
        guard let command = arguments.first else {
            print(usage, to: 2)
            return 2
        }
        switch command {
        case "run": return await run(Array(arguments.dropFirst()), environment)
        case "tegrastats": return tegrastats(Array(arguments.dropFirst()))
        case "version", "--version":
            print("fleet-agent \(AgentVersion.text)", to: 1)
            return 0
        case "help", "--help", "-h":
            print(usage, to: 1)
            return 0
        default:
            print("fleet-agent: unknown command \(Shown.quoted(command))\n\n\(usage)", to: 2)
            return 2
        }
    }

    /// What `--help` prints.
    static var usage: String {
        """
        The agent of one node of a Jessica fleet.

        Usage:
          fleet-agent run [SETTINGS]        run the agent
          fleet-agent tegrastats --parse    turn lines of tegrastats into JSON objects
          fleet-agent version               print the version

        Settings (flag > variable > file > default):
        \(AgentSettings.source.describe())
        """
    }

    private static func run(
        _ arguments: [String], _ environment: [String: String]
    ) async -> Int32 {
        if arguments.contains("--help") || arguments.contains("-h") {
            print(usage, to: 1)
            return 0
        }
        let outcome = AgentSettings.source.load(arguments: arguments, environment: environment)
        guard let resolved = outcome.settings else { return refuse(outcome.mistakes) }
        let (loaded, mistakes) = AgentSettings.load(resolved)
        guard let loaded else { return refuse(mistakes) }
        if resolved.bool("check_config") {
            print("the configuration is fine", to: 1)
            return 0
        }
        keepSmall()
        let logger = makeLogger(loaded)
        for name in outcome.unknownVariables {
            logger.notice("variable is no setting of the agent", metadata: ["variable": "\(name)"])
        }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: NodeAgent(settings: loaded, logger: logger))],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        do {
            try await group.run()
        } catch is CancellationError {
            return 0
        } catch let error as AgentError {
            print("fleet-agent: \(error)", to: 2)
            return 1
        } catch {
            print("fleet-agent: \(error)", to: 2)
            return 1
        }
        return 0
    }

    /// Shows what the agent understands of lines of tegrastats, for looking at a board in the field.
    private static func tegrastats(_ arguments: [String]) -> Int32 {
        guard arguments == ["--parse"] else {
            let isAsked = arguments.contains("--help") || arguments.contains("-h")
            print(usage, to: isAsked ? 1 : 2)
            return isAsked ? 0 : 2
        }
        return TegrastatsFilter.run(input: 0, output: 1) ? 0 : 1
    }

    /// An agent waits most of the time; a thread for each core of a Jetson would only cost memory.
    private static func keepSmall() {
        NIOSingletons.groupLoopCountSuggestion = 1
        NIOSingletons.blockingPoolThreadCountSuggestion = 2
    }

    private static func makeLogger(_ settings: AgentSettings) -> Logger {
        LoggingSystem.writeToStandardError(level: settings.logLevel, json: settings.logsAsJSON)
        return Logger(label: "fleet-agent")
    }

    private static func refuse(_ mistakes: [Mistake]) -> Int32 {
        for mistake in mistakes { print("\(mistake)", to: 2) }
        return 2
    }

    private static func print(_ text: String, to file: Int32) {
        var bytes = Array((text + "\n").utf8)[...]
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe write(file, $0.baseAddress, $0.count)
            }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
