import Foundation
import Synchronization

/// One command's run: its context, global options and, once asked for, its connection.
final class Session: Sendable {
    let context: Context
    let global: GlobalOptions
    private let state = Mutex(State())

    private struct State {
        var client: APIClient?
        var farewell: [String] = []
        var endsByInterrupt = false
    }

    init(context: Context, global: GlobalOptions) {
        self.context = context
        self.global = global
    }

    /// The controller; the first call finds the endpoint and the credentials, no call connects yet.
    func client() throws -> APIClient {
        if let client = state.withLock({ $0.client }) { return client }
        let made = APIClient(endpoint: try Endpoint.resolve(global, context))
        state.withLock { $0.client = made }
        return made
    }

    /// What to tell after ^C: that the work goes on, and how to come back to it.
    var farewell: [String] {
        get { state.withLock { $0.farewell } }
        set { state.withLock { $0.farewell = newValue } }
    }

    /// Whether ^C is the way to end the command, and no failure.
    var endsByInterrupt: Bool {
        get { state.withLock { $0.endsByInterrupt } }
        set { state.withLock { $0.endsByInterrupt = newValue } }
    }

    /// Closes the connection, if there is one.
    func close() async {
        let client = state.withLock { state in
            defer { state.client = nil }
            return state.client
        }
        await client?.close()
    }

    /// Prints one line of data.
    func out(_ line: String) { context.console.writeOut(Data((line + "\n").utf8)) }

    /// Prints lines of data at once.
    func out(_ lines: [String]) {
        guard !lines.isEmpty else { return }
        out(lines.joined(separator: "\n"))
    }

    /// Prints one message.
    func note(_ line: String) { context.console.writeErr(SafeText.line(line) + "\n") }

    /// When a time that begins now is over; nil without one.
    func deadline(after time: Interval?) -> Date? {
        time.map { context.now().addingTimeInterval($0.seconds) }
    }

    /// How wide tables may be: the terminal, else 80 columns, whatever reads the pipe.
    var width: Int {
        if let columns = context.variable("COLUMNS").flatMap(Int.init), columns > 0 {
            return max(columns, 40)
        }
        guard context.console.outIsTerminal, let size = context.console.size else { return 80 }
        return max(size.columns, 40)
    }

    /// Colours for stdout.
    var style: Style {
        Style(
            isTerminal: context.console.outIsTerminal, environment: context.environment,
            refused: global.noColor)
    }
}
