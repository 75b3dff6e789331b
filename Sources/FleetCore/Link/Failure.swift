/// Why something failed, for people and for programs.
package struct Failure: Hashable, Sendable, Codable, Error {
    /// A short, stable word: `image_not_found`.
    package var code: FailureCode
    /// One sentence a person understands.
    package var message: String
    /// Creates a failure.
    package init(_ code: FailureCode, _ message: String) {
        self.code = code
        self.message = message
    }
}

/// A machine-readable reason of failure; unknown ones are kept as they are.
package struct FailureCode: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    /// The registry has no such image.
    package static let imageNotFound: FailureCode = "image_not_found"
    /// The node takes no images from that registry.
    package static let imageNotAllowed: FailureCode = "image_not_allowed"
    /// The image could not be fetched.
    package static let pullFailed: FailureCode = "pull_failed"
    /// The container could not be made or started.
    package static let startFailed: FailureCode = "start_failed"
    /// The worker did not become ready in time.
    package static let workerNotReady: FailureCode = "worker_not_ready"
    /// The worker's own set-up failed.
    package static let setupFailed: FailureCode = "setup_failed"
    /// The worker died under the job.
    package static let workerDied: FailureCode = "worker_died"
    /// The worker refused the input.
    package static let invalidInput: FailureCode = "invalid_input"
    /// The work itself said it failed.
    package static let workFailed: FailureCode = "work_failed"
    /// The command ended with a code other than 0.
    package static let exitCode: FailureCode = "exit_code"
    /// The kernel killed it for want of memory.
    package static let outOfMemory: FailureCode = "out_of_memory"
    /// The outputs could not be stored.
    package static let uploadFailed: FailureCode = "upload_failed"
    /// The result was lost while the agent was away.
    package static let resultLost: FailureCode = "result_lost"
    /// The node's lease ran out and the agent stopped the attempt.
    package static let leaseEnded: FailureCode = "lease_ended"
    /// The node was lost too often under this job.
    package static let nodeLost: FailureCode = "node_lost"
    /// The job's deadline passed.
    package static let deadlineExceeded: FailureCode = "deadline_exceeded"
    /// The agent knows nothing of an attempt it had accepted.
    package static let attemptUnknown: FailureCode = "attempt_unknown"
    /// The worker speaks a contract this agent cannot drive.
    package static let unsupportedContract: FailureCode = "unsupported_contract"
    /// Docker did not answer, and the work has not begun.
    package static let dockerUnavailable: FailureCode = "docker_unavailable"
    /// The disk is full.
    package static let diskFull: FailureCode = "disk_full"
    /// A roamer never got ready for this job.
    package static let provisioningFailed: FailureCode = "provisioning_failed"

    /// A job it waited for did not succeed.
    package static let prerequisiteFailed: FailureCode = "prerequisite_failed"
    /// Its plan stops at the first failure, and there was one.
    package static let planStopped: FailureCode = "plan_stopped"
    /// What its input refers to is not there.
    package static let inputMissing: FailureCode = "input_missing"

    /// What its input refers to could not be fetched.
    package static let inputUnavailable: FailureCode = "input_unavailable"

    /// Whether it is the node's alone, before the work began: then it is none of the failures that a job
    /// may have.
    package var isNodesOwn: Bool { self == .dockerUnavailable }

    /// Whether another try may well end otherwise.
    package var isRetryable: Bool {
        switch self {
        case .imageNotFound, .imageNotAllowed, .invalidInput, .outOfMemory, .deadlineExceeded,
            .unsupportedContract, .prerequisiteFailed, .planStopped, .inputMissing,
            .nodeLost:
            false
        default: true
        }
    }
}
