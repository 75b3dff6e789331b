import FleetCore
import Foundation
import Glibc
import Settings
import Synchronization

/// The folder of the models, which is another machine's as a rule.
final class ModelsFolder: Sendable {
    /// How the folder is.
    enum State: Equatable, Sendable {
        case fine, missing, empty
        /// The agent itself may not look into it.
        case closed
        case unreadable(String)
    }
    let path: String
    /// What the last look found; nil while it is on its way.
    private let state = Latest<State?>(.fine)

    /// How long a server of files may take.
    private static let patience = Duration.seconds(3)

    init(path: String) { self.path = path }

    /// What is wrong with it; nil when it is fine.
    func trouble() async -> Telemetry.Trouble? {
        guard let state = await look() else {
            return trouble(
                "does not answer: its server is away", "is the Spark up, and its NFS server?")
        }
        let mount = "mount the Spark's models there, see `systemctl status *.mount`"
        if let why = Self.whyNotMounted(state) { return trouble(why, mount) }
        switch state {
        case .empty: return trouble("is empty: nothing seems to be mounted there", mount)
        case .closed: return trouble("may not be read by the agent", "see its owner and mode")
        case .fine, .missing, .unreadable: return nil
        }
    }

    /// Why no container can have it; nil when it can.
    func whyNotMounted() async -> String? {
        guard let state = await look() else { return "does not answer: its server is away" }
        return Self.whyNotMounted(state)
    }

    private static func whyNotMounted(_ state: State) -> String? {
        switch state {
        case .fine, .empty, .closed: nil
        case .missing: "is no folder here"
        case .unreadable(let why): "cannot be read: \(why)"
        }
    }

    private func trouble(_ what: String, _ action: String) -> Telemetry.Trouble {
        .init(name: "models", message: "\(path) \(what)", action: action)
    }

    /// Nil when there is no answer in time.
    private func look() async -> State? {
        // On a thread of its own: a call on a share whose server is away comes back when that does.
        if state.value != nil {
            state.set(nil)
            Thread.detachNewThread { [path, state] in state.set(Self.state(of: path)) }
        }
        let state = state
        return try? await withLimit(Self.patience) { try await state.wait { $0 != nil } } ?? nil
    }

    private static func state(of path: String) -> State {
        guard let folder = unsafe opendir(path) else {
            switch errno {
            case ENOENT, ENOTDIR: return .missing
            case EACCES: return .closed
            default: return .unreadable(unsafe String(cString: strerror(errno)))
            }
        }
        defer { unsafe closedir(folder) }
        errno = 0
        while let entry = unsafe readdir(folder) {
            // `.` and `..` are in every folder.
            if unsafe entry.pointee.d_name.0 != CChar(bitPattern: UInt8(ascii: ".")) {
                return .fine
            }
        }
        // Such as a share whose server has forgotten it.
        return errno == 0 ? .empty : .unreadable(unsafe String(cString: strerror(errno)))
    }
}
