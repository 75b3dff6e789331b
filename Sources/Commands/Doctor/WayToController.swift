import Foundation
import Glibc
import NIOCore

/// Looks at the way from here to the controller, for when that cannot be asked how it is.
///
/// Each step is only taken where the one before led on.
struct WayToController: Sendable {
    /// Where the controller should be.
    let endpoint: Endpoint
    /// The time of day, which certificates go by.
    let now: Date
    /// How long a step may take.
    var patience = Duration.seconds(3)

    /// What is found, step by step; the last one is where the way ends.
    ///
    /// Throws a `CommandError` where the authority to trust cannot be read.
    func look() async throws -> [Finding] {
        switch endpoint.address {
        case .socket(let path): return await look(atSocket: path)
        case .url(let url):
            guard let place = Place(url) else {
                return [failed("names", "\(url) names no host and port", Self.name)]
            }
            return try await look(at: place)
        }
    }

    private static let name = "name the controller with --endpoint https://HOST:8443"

    // MARK: What the steps have in common

    /// What is asked of whoever is reached: everybody may.
    static let question = "GET /healthz HTTP/1.1\r\nHost: controller\r\nConnection: close\r\n\r\n"
    static let isItRunning =
        "is spark-controller running there? `systemctl status spark-controller`, and its log"
    static let itHangs = "its log says what it does; `systemctl restart spark-controller` there"

    /// How long a step may take, for people.
    var limit: String { Humane.duration(patience / .seconds(1)) }

    func ok(_ name: String, _ message: String) -> Finding {
        Finding(name: name, subject: "controller", status: "ok", message: message)
    }

    func failed(_ name: String, _ message: String, _ action: String) -> Finding {
        Finding(
            name: name, subject: "controller", status: "failed", message: message, action: action)
    }

    /// What it means that this is answered to the question.
    func api(_ heard: Heard?) -> Finding {
        switch heard {
        case .words(let words)? where words.hasPrefix("HTTP/"): ok("api", "it answers")
        case .words?: failed("api", "what answers does not speak HTTP", Self.somethingElse)
        case nil: failed("api", "it answers nothing within \(limit)", Self.itHangs)
        default: failed("api", "no answer: \(why(heard))", Self.somethingElse)
        }
    }

    static let somethingElse =
        "is it the controller's API that listens there (`api.port`), and not its port for agents or another program?"

    /// Why nothing good is heard.
    func why(_ heard: Heard?) -> String {
        switch heard {
        case nil: return "no answer within \(limit)"
        case .end?: return "it closes the connection"
        case .failure(let error)?:
            if error is ChannelError { return "no answer within \(limit)" }
            guard let number = errorNumber(heard) else { return "it breaks the connection off" }
            switch number {
            case ECONNREFUSED: return "nothing listens there"
            case ECONNRESET, EPIPE: return "it breaks the connection off"
            default: return unsafe String(cString: strerror(number))
            }
        case .opened?, .certificate?, .words?: return "it answers"
        }
    }

    /// The system's number of what went wrong, where it has one.
    func errorNumber(_ heard: Heard?) -> CInt? {
        guard case .failure(let error)? = heard else { return nil }
        return (error as? IOError)?.errnoCode
    }
}
