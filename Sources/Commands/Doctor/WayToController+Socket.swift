import Glibc
import NIOCore

/// The way by a socket on this machine.
extension WayToController {
    /// Whether the socket is there, may be opened, and is answered at.
    func look(atSocket path: String) async -> [Finding] {
        var facts = stat()
        guard unsafe stat(path, &facts) == 0 else { return [absent(path, errno)] }
        guard facts.st_mode & S_IFMT == S_IFSOCK else {
            return [
                failed(
                    "socket", "\(path) is no socket",
                    "the controller's is controller.sock in its state folder; or use a URL")
            ]
        }
        guard let address = try? SocketAddress(unixDomainSocketPath: path) else {
            return [
                failed("socket", "the path \(path) is too long", "reach it by a shorter one")
            ]
        }
        let trial = TrialConnection(address: address, patience: patience)
        let heard = await trial.open()
        guard case .opened? = heard else { return [closed(path, heard)] }
        return [ok("socket", "\(path) takes connections"), api(await trial.say(Self.question))]
    }

    private func absent(_ path: String, _ code: CInt) -> Finding {
        switch code {
        case EACCES:
            failed("socket", "this user may not look for \(path)", Self.asSomebodyElse)
        case ENOENT, ENOTDIR:
            failed(
                "socket", "there is no \(path)",
                endpoint.isUnset ? Endpoint.howToName : Self.isItRunning)
        default:
            failed(
                "socket", "\(path) cannot be looked at: \(unsafe String(cString: strerror(code)))",
                "see the folder it is in")
        }
    }

    private func closed(_ path: String, _ heard: Heard?) -> Finding {
        switch errorNumber(heard) {
        case EACCES, EPERM:
            failed("socket", "this user may not open \(path)", Self.asSomebodyElse)
        case ECONNREFUSED:
            failed(
                "socket", "\(path) is there, and nothing listens: its controller has ended",
                Self.isItRunning)
        default: failed("socket", "\(path): \(why(heard))", Self.itHangs)
        }
    }

    private static let asSomebodyElse = "use sudo, or https with a token (`jctl context set`)"
}
