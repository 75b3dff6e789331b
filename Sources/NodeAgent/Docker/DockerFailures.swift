import DockerEngine
import FleetCore

extension Failure {
    /// Docker's failure in the fleet's words; `otherwise` says what was being done.
    init(docker error: any Error, otherwise: FailureCode) {
        guard let error = error as? DockerError else {
            self.init(otherwise, "\(error)")
            return
        }
        let code: FailureCode =
            switch error.code {
            case .unavailable, .timedOut, .malformedAnswer, .unsupportedVersion: .dockerUnavailable
            case .imageNotFound: .imageNotFound
            case .noSpace: .diskFull
            case .tooLarge, .invalidArgument, .notFound, .conflict, .nameConflict, .notRunning,
                .badCommand, .unauthorized, .registryUnreachable, .stalled, .archiveRejected,
                .other:
                otherwise
            }
        self.init(code, error.message)
    }
}

/// Docker's absence is waited out, within bounds.
enum Patience {
    /// How long Docker may be away before what needs it fails.
    static let total = Duration.seconds(30)

    /// Runs the body, again and again while Docker does not accept connections.
    ///
    /// What has begun something whose outcome is unknown (`mustKnow`) waits as long as it takes: it must
    /// not be taken for failed while it may run.
    static func wait<Result>(
        total: Duration = total, mustKnow: () -> Bool = { false },
        _ body: () async throws -> Result
    ) async throws -> Result {
        let end = ContinuousClock.now + total
        var pause = Duration.milliseconds(100)
        while true {
            let failure: DockerError
            do {
                return try await body()
            } catch let error as DockerError where error.code == .unavailable {
                failure = error
            }
            guard mustKnow() || ContinuousClock.now + pause < end else { throw failure }
            try await Task.sleep(for: pause, clock: .continuous)
            // A machine that slept meanwhile may have been given up: what is late is not begun.
            guard mustKnow() || ContinuousClock.now < end else { throw failure }
            pause = min(pause * 2, .seconds(3))
        }
    }
}
