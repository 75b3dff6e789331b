import Synchronization

/// What a request chose, for the trail: who answers it says so where the path alone does not.
final class Remark: Sendable {
    private let said = Mutex<String?>(nil)

    /// The longest remark, in characters.
    private static let textMax = 512

    /// What was said; nil when nothing was.
    var text: String? { said.withLock { $0 } }

    /// Says it; the last one counts.
    func say(_ text: String) { said.withLock { $0 = String(text.prefix(Self.textMax)) } }
}
