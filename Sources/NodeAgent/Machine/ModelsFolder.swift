import FleetCore
import Foundation
import Glibc
import Settings
import Synchronization

/// The models as containers see them.
struct ModelsMount: Sendable, Hashable {
    /// The folder, where all links have led; Docker would follow them to wherever they lead later.
    let source: String
    /// Where containers find it: where the settings say that it is.
    let target: String
}

/// The folder of the models, which is another machine's as a rule.
final class ModelsFolder: Sendable {
    /// How the folder is.
    enum State: Equatable, Sendable {
        case fine, missing, empty
        /// The agent itself may not look into it.
        case closed
        case unreadable(String)
        /// It leads to where containers must not look.
        case refused(String)
    }
    /// What a look found.
    private struct Look: Equatable, Sendable {
        var state: State
        /// Where its links lead; nil when they lead nowhere.
        var end: String?
    }
    let path: String
    private let secrets: [String]
    /// What the last look found; nil while it is on its way.
    private let look = Latest<Look?>(Look(state: .missing))

    /// How long a server of files may take.
    private static let patience = Duration.seconds(3)

    /// `secrets` are what it must not hold, such as Docker's socket.
    init(path: String, apartFrom secrets: [String] = []) {
        self.path = path
        self.secrets = secrets
    }

    /// What is wrong with it; nil when it is fine.
    func trouble() async -> Telemetry.Trouble? {
        guard let state = await find()?.state else {
            return trouble(
                "does not answer: its server is away", "is the Spark up, and its NFS server?")
        }
        let mount = "mount the Spark's models there, see `systemctl status *.mount`"
        if case .refused(let why) = state {
            return trouble(why, "`models.mount` must be a folder of nothing but models")
        }
        if let why = Self.whyNotMounted(state) { return trouble(why, mount) }
        switch state {
        case .empty: return trouble("is empty: nothing seems to be mounted there", mount)
        case .closed: return trouble("may not be read by the agent", "see its owner and mode")
        case .fine, .missing, .unreadable, .refused: return nil
        }
    }

    /// What containers get of it, or why none can have it.
    func mount() async -> Result<ModelsMount, Failure> {
        let why: String
        if let look = await find() {
            if let end = look.end, Self.whyNotMounted(look.state) == nil {
                return .success(ModelsMount(source: end, target: path))
            }
            why = Self.whyNotMounted(look.state) ?? "leads nowhere"
        } else {
            why = "does not answer: its server is away"
        }
        return .failure(Failure(.startFailed, "the models are not there: \(path) \(why)"))
    }

    private static func whyNotMounted(_ state: State) -> String? {
        switch state {
        case .fine, .empty, .closed: nil
        case .missing: "is no folder here"
        case .unreadable(let why): "cannot be read: \(why)"
        case .refused(let why): why
        }
    }

    private func trouble(_ what: String, _ action: String) -> Telemetry.Trouble {
        .init(name: "models", message: "\(path) \(what)", action: action)
    }

    /// Nil when there is no answer in time.
    private func find() async -> Look? {
        // On a thread of its own: a call on a share whose server is away comes back when that does.
        if look.value != nil {
            look.set(nil)
            Thread.detachNewThread { [path, secrets, look] in
                look.set(Self.look(at: path, apartFrom: secrets))
            }
        }
        let look = look
        return try? await withLimit(Self.patience) { try await look.wait { $0 != nil } } ?? nil
    }

    private static func look(at path: String, apartFrom secrets: [String]) -> Look {
        guard let end = RealPath.resolve(path) else {
            switch errno {
            case ENOENT, ENOTDIR: return Look(state: .missing)
            // Behind a folder that the agent may not enter; Docker may.
            case EACCES: return Look(state: .closed, end: path)
            default:
                return Look(state: .unreadable(unsafe String(cString: strerror(errno))))
            }
        }
        let hidden = secrets + secrets.compactMap(RealPath.resolve)
        if let why = MountRules.refusal(of: end, holding: hidden) {
            return Look(state: .refused("leads to \(end), which \(why)"), end: end)
        }
        return Look(state: state(of: end), end: end)
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
