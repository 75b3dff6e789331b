import FleetCore
import Logging
import Synchronization

@testable import ControlPlane

/// A registry of which a test says what it answers.
final class ToldRegistry: Sendable {
    private struct State {
        var answer: ImageRegistry.Answer
        var asked: [String] = []
    }
    private let state: Mutex<State>

    init(_ answer: ImageRegistry.Answer) { state = Mutex(State(answer: answer)) }

    /// The images that it was asked for.
    var asked: [String] { state.withLock { $0.asked } }

    func answers(_ answer: ImageRegistry.Answer) { state.withLock { $0.answer = answer } }

    func look(_ image: ImageName) -> ImageRegistry.Answer {
        state.withLock { state in
            state.asked.append("\(image)")
            return state.answer
        }
    }

    var resolver: ImageResolver {
        let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        return ImageResolver(logger: quiet) { self.look($0) }
    }
}
