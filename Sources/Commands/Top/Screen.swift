import Foundation

/// What comes from a terminal that was taken over.
enum ScreenInput: Sendable {
    case bytes([UInt8])
    /// It has another size, or somebody else has drawn on it.
    case resized
    /// It is gone.
    case ended
}

/// A terminal that was taken over: every key at once, the whole screen to draw on.
protocol Screen: Sendable {
    /// How large it is now.
    var size: TopSize { get }
    /// What comes from it; asked for once.
    func inputs() -> AsyncStream<ScreenInput>
    /// Writes all of the bytes.
    func write(_ data: Data)
    /// Gives it back as it was.
    func close()
}
