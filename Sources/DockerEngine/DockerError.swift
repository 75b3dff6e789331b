/// A failure of a call to the Docker Engine.
///
/// Calls also throw `CancellationError` when their task is cancelled; everything else is this type.
package struct DockerError: Error, Sendable, Equatable {
    /// What went wrong, as far as a caller can act on it.
    package enum Code: Sendable, Equatable {
        /// The daemon does not accept connections, or the connection broke.
        case unavailable
        /// The daemon accepted the request but did not answer in time.
        case timedOut
        /// The daemon answered with something that is not its API.
        case malformedAnswer
        /// An answer or an archive is larger than its bound.
        case tooLarge
        /// The daemon speaks no API version this client knows.
        case unsupportedVersion
        /// The request is wrong (HTTP 400), or was refused before it was sent.
        case invalidArgument
        /// No such container, network or path.
        case notFound
        /// The object's present state does not allow the request (HTTP 403, 409).
        case conflict
        /// The container name is taken; the id is nil when the daemon did not tell it.
        case nameConflict(existingID: String?)
        /// The container is not running.
        case notRunning
        /// The container's command cannot be started: 126 not executable, 127 not found.
        case badCommand(exitCode: Int)
        /// The image does not exist, here or in its registry.
        case imageNotFound
        /// The registry refused the credentials, or wants some.
        case unauthorized
        /// The registry cannot be reached.
        case registryUnreachable
        /// A pull or a transfer made no progress for too long.
        case stalled
        /// The daemon's disk, or the destination's, is full.
        case noSpace
        /// An archive breaks a safety rule or is damaged.
        case archiveRejected
        /// Anything else; see the message.
        case other
    }

    /// What went wrong.
    package var code: Code
    /// The daemon's own words where it said any, at most 2 KiB.
    package var message: String
    /// The HTTP status, when the daemon answered with an error status.
    package var status: Int?

    /// Creates an error; an overlong message is cut.
    package init(_ code: Code, _ message: String, status: Int? = nil) {
        self.code = code
        self.message = message.utf8.count <= 2048 ? message : String(message.prefix(2000)) + "…"
        self.status = status
    }
}

extension DockerError: CustomStringConvertible {
    /// The code, the status and the message in one line.
    package var description: String {
        let status = status.map { " (HTTP \($0))" } ?? ""
        return "docker: \(code)\(status): \(message)"
    }
}
