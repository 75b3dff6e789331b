import FleetCore
import Logging
import Synchronization
import Testing

@testable import NodeAgent

@Suite struct FleetNameTests {
    /// Keeps what is logged.
    private struct Kept: LogHandler {
        final class Lines: Sendable {
            private let lines = Mutex<[String]>([])
            func add(_ line: String) { lines.withLock { $0.append(line) } }
            var all: [String] { lines.withLock { $0 } }
        }
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.add("\(event.level) \(event.metadata?["fleet"] ?? "")")
        }
    }

    @Test(arguments: ["home", "office"])
    func `a fleet that has another name than the settings say is warned of`(_ name: String) {
        let lines = Kept.Lines()
        let logger = Logger(label: "test") { _ in Kept(lines: lines) }
        var settings = AgentSettings(
            node: "n", stateDir: "/s", controllerHost: "spark", controllerPort: 1)
        settings.fleet = "home"
        let welcome = Welcome(
            session: SessionID(1), term: 1, fleet: name, heartbeat: .seconds(5),
            stopAfter: .seconds(30))
        Parts.compare(welcome, with: settings, logger)
        #expect(lines.all == (name == "home" ? [] : ["warning office"]))
    }
}
