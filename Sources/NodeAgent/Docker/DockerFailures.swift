import DockerEngine
import FleetCore
import FoundationEssentials

extension Failure {
    /// Docker's failure, or the disk's, in the fleet's words; `otherwise` says what was being done.
    init(docker error: any Error, otherwise: FailureCode) {
        guard let error = error as? DockerError else {
            self.init(Self.isFullDisk(error) ? .diskFull : otherwise, "\(error)")
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

    /// Why what an attempt has left behind cannot be kept.
    ///
    /// The work has run: that Docker is away costs its result, too.
    init(keeping error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case let error as DockerError where error.code == .tooLarge:
            self = .tooManyOutputs
        default:
            self.init(docker: error, otherwise: .resultLost)
            if code == .dockerUnavailable { code = .resultLost }
            message = "the outputs cannot be kept: \(message)"
        }
    }

    /// What an attempt has left behind is more than is taken.
    static var tooManyOutputs: Failure {
        Failure(
            .workFailed,
            "the outputs are too many: at most \(OutputFiles.filesMax) files of "
                + "\(OutputFiles.bytesMax >> 30) GiB in all are taken")
    }

    /// Whether the disk is full, or a share of it, in the words of whoever wrote to it; Docker has its own.
    private static func isFullDisk(_ error: any Error) -> Bool {
        switch error {
        case let error as AgentError: error.code == .diskFull
        case let error as CocoaError: error.code == .fileWriteOutOfSpace
        default: false
        }
    }
}

/// Docker's absence is waited out, within bounds.
enum Patience {
    /// How long Docker may be away before what needs it fails.
    static let total = Duration.seconds(30)

    /// Runs the body, again and again while Docker does not accept connections, or does not answer on them.
    ///
    /// What has begun something whose outcome is unknown (`mustKnow`) waits as long as it takes: it must
    /// not be taken for failed while it may run.
    static func wait<Result>(
        total: Duration = total, mustKnow: () -> Bool = { false },
        _ body: () async throws -> Result
    ) async throws -> Result {
        var end = ContinuousClock.now + total
        var hasHung = false
        var pause = Duration.milliseconds(100)
        while true {
            let failure: DockerError
            do {
                return try await body()
            } catch let error as DockerError where error.isAway {
                failure = error
            }
            if failure.code == .timedOut, !hasHung {
                // The call has waited for longer than this; what counts is how long it takes from now on.
                hasHung = true
                end = .now + total
            }
            guard mustKnow() || ContinuousClock.now + pause < end else { throw failure }
            try await Task.sleep(for: pause, clock: .continuous)
            // A machine that slept meanwhile may have been given up: what is late is not begun.
            guard mustKnow() || ContinuousClock.now < end else { throw failure }
            pause = min(pause * 2, .seconds(3))
        }
    }
}

extension DockerError {
    /// Whether Docker is not there, or hangs.
    fileprivate var isAway: Bool { code == .unavailable || code == .timedOut }
}
