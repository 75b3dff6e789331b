package import NIOCore
import Synchronization

/// One report from a worker.
package struct WebhookDelivery: Sendable, Equatable {
    package enum Body: Sendable, Equatable {
        case bytes(ByteBuffer)
        /// It was larger than the listener takes, and was thrown away. It will not come again once
        /// answered.
        case tooLarge(limit: Int)
    }

    /// The secret part of the address, which says whose report this is.
    package let token: String
    package let body: Body
}

/// What to answer to a report.
package enum WebhookAnswer: Sendable, Equatable {
    /// It is safe here: the worker may forget it. Give this within 20 s, or cog sends the report
    /// again.
    case stored
    /// Keep it and send it again (503).
    case retryLater
    /// Nobody wants it (404): cog never sends it again, so the result is gone for good.
    case unwanted
}

/// What comes in on a connection: a report whole, a file piece by piece, or a wish for one.
enum WorkerMessage: Sendable {
    case report(WebhookDelivery)
    case uploadBegins(WorkerUpload)
    case uploadBytes(ByteBuffer)
    case uploadEnds
    case download(WorkerDownload)
}

/// What goes out on a connection, once; a file piece by piece.
enum WorkerReply: Sendable {
    case report(WebhookAnswer)
    case upload(UploadAnswer)
    case fileBegins(size: UInt64)
    case fileBytes(ByteBuffer)
    case fileEnds
    case noFile
}

/// What an address means: `/w/TOKEN` takes reports, `/w/TOKEN/NAME` takes or gives a file.
struct WebhookTarget {
    let token: String
    /// Nil for reports.
    let fileName: String?

    init?(_ uri: String) {
        guard uri.hasPrefix("/w/") else { return nil }
        let parts = uri.dropFirst(3).split(
            separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let token = parts.first, WebhookTokens.isToken(token) else { return nil }
        self.token = String(token)
        guard let place = parts.dropFirst().first else {
            fileName = nil
            return
        }
        guard let name = place.prefix(while: { $0 != "?" }).split(separator: "/").last else {
            return nil
        }
        fileName = OutputNames.sanitised(String(name))
    }
}

/// The addresses that are listened to.
///
/// Until ``markRestored()`` an unknown token is told to try again, not that it is unknown: cog
/// never repeats a report that got a 404, so an agent that has just come back must not answer so
/// before it knows its own work.
package final class WebhookTokens: Sendable {
    package enum Standing: Sendable { case known, unknown, notYetKnown }

    private struct State {
        var tokens: Set<String> = []
        var isRestored = false
    }
    private let state = Mutex(State())

    package init() {}

    /// Listens for reports to `/w/{token}`, and files below it.
    ///
    /// A token is 1 to 128 letters, digits, `-` or `_`; false when it is not such a token.
    package func admit(_ token: String) -> Bool {
        guard Self.isToken(token) else { return false }
        return state.withLock {
            $0.tokens.insert(token)
            return true
        }
    }

    /// Stops listening for that token.
    package func revoke(_ token: String) {
        state.withLock { _ = $0.tokens.remove(token) }
    }

    /// Says that every token of a former life has been admitted.
    package func markRestored() {
        state.withLock { $0.isRestored = true }
    }

    func standing(_ token: String) -> Standing {
        state.withLock {
            if $0.tokens.contains(token) { return .known }
            return $0.isRestored ? .unknown : .notYetKnown
        }
    }

    static func isToken(_ text: some StringProtocol) -> Bool {
        (1...128).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                ContentType.isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
            }
    }
}

/// A count that may not pass a maximum.
final class Allowance: Sendable {
    private let max: Int
    private let used = Mutex(0)

    init(max: Int) { self.max = max }

    /// False, and nothing taken, when it would pass the maximum.
    func take(_ amount: Int) -> Bool {
        used.withLock {
            guard amount >= 0, amount <= max - $0 else { return false }
            $0 += amount
            return true
        }
    }

    func giveBack(_ amount: Int) {
        used.withLock { $0 -= amount }
    }

    var inUse: Int { used.withLock { $0 } }
}
