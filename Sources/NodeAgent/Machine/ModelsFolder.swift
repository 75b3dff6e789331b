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
        case unreadable(String)
    }
    private let path: String
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
        switch state {
        case .fine: return nil
        case .missing: return trouble("is no folder here", mount)
        case .empty: return trouble("is empty: nothing seems to be mounted there", mount)
        case .unreadable(let why): return trouble("cannot be read: \(why)", mount)
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
            return errno == ENOENT || errno == ENOTDIR
                ? .missing : .unreadable(unsafe String(cString: strerror(errno)))
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
