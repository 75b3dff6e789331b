import FleetCore
import Foundation
import Logging
import Synchronization

/// The images that this agent has brought to the machine, and when each was used last.
///
/// Only these are ever deleted: what was here before belongs to somebody else.
final class ImageLedger: Sendable {
    /// An image by its id.
    struct Entry: Hashable, Sendable, Codable {
        var id: String
        /// When it was pulled or used to start a container, in seconds since 1970.
        var usedAt: Int64
    }

    private struct State {
        var images: [String: Entry] = [:]
        var saved: [String: Entry] = [:]
    }
    private let state: Mutex<State>
    private let path: String
    private let logger: Logger

    /// The most images remembered; the ones used least lately are forgotten, and stay.
    private static let entriesMax = 1_000
    /// A use this soon after the last one needs not be written down.
    private static let writtenEvery: Int64 = 600

    /// Reads what former lives of the agent have noted; a file that is damaged counts as none.
    init(path: String, logger: Logger) {
        self.path = path
        self.logger = logger
        var first = State()
        if let bytes = try? DurableFile.read(path),
            let entries = try? JSONDecoder().decode([Entry].self, from: Data(bytes))
        {
            for entry in entries.prefix(Self.entriesMax) { first.images[entry.id] = entry }
        }
        first.saved = first.images
        state = Mutex(first)
    }

    /// Notes an image that was not here before.
    func pulled(_ id: String, at now: Int64 = WallTime.seconds) {
        state.withLock { state in
            state.images[id] = Entry(id: id, usedAt: now)
            if state.images.count > Self.entriesMax,
                let oldest = state.images.values.min(by: { $0.usedAt < $1.usedAt })
            {
                state.images[oldest.id] = nil
            }
            save(&state)
        }
    }

    /// Notes that a container is made of an image.
    func used(_ id: String, at now: Int64 = WallTime.seconds) {
        state.withLock { state in
            guard state.images[id] != nil else { return }
            state.images[id]?.usedAt = now
            let saved = state.saved[id]?.usedAt ?? .min
            // A clock that was set back counts too.
            if now < saved || now - saved >= Self.writtenEvery { save(&state) }
        }
    }

    /// An image is gone.
    func forget(_ id: String) {
        state.withLock { state in
            state.images[id] = nil
            save(&state)
        }
    }

    /// All of them.
    var entries: [Entry] { state.withLock { Array($0.images.values) } }

    private func save(_ state: inout State) {
        let entries = state.images.values.sorted { $0.id < $1.id }
        do {
            try DurableFile.write([UInt8](try JSONEncoder().encode(entries)), to: path)
            state.saved = state.images
        } catch {
            logger.warning("images in use cannot be noted", metadata: ["error": "\(error)"])
        }
    }
}
