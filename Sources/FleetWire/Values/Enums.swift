import CFleetMessages
import FleetCore

// Enums of the wire. A number of a newer version becomes `.unknown` where that can be ignored, else an error.

extension Contract {
    /// The value of the wire's number.
    init(wire: Jessica__V1__Contract, _ field: String) throws(WireError) {
        switch wire {
        case JESSICA__V1__CONTRACT__CONTRACT_COG: self = .cog
        case JESSICA__V1__CONTRACT__CONTRACT_OPENAI: self = .openai
        case JESSICA__V1__CONTRACT__CONTRACT_EXEC: self = .exec
        case JESSICA__V1__CONTRACT__CONTRACT_OPAQUE: self = .opaque
        default:
            throw WireError(.unsupported, field, "this version knows no number \(wire.rawValue)")
        }
    }

    /// The number on the wire.
    var wire: Jessica__V1__Contract {
        switch self {
        case .cog: JESSICA__V1__CONTRACT__CONTRACT_COG
        case .openai: JESSICA__V1__CONTRACT__CONTRACT_OPENAI
        case .exec: JESSICA__V1__CONTRACT__CONTRACT_EXEC
        case .opaque: JESSICA__V1__CONTRACT__CONTRACT_OPAQUE
        }
    }
}

extension JobKind {
    /// The value of the wire's number.
    init(wire: Jessica__V1__JobKind, _ field: String) throws(WireError) {
        switch wire {
        case JESSICA__V1__JOB_KIND__JOB_KIND_IMAGE: self = .image
        case JESSICA__V1__JOB_KIND__JOB_KIND_VIDEO: self = .video
        case JESSICA__V1__JOB_KIND__JOB_KIND_VOICE: self = .voice
        case JESSICA__V1__JOB_KIND__JOB_KIND_AUDIO: self = .audio
        case JESSICA__V1__JOB_KIND__JOB_KIND_TEXT: self = .text
        case JESSICA__V1__JOB_KIND__JOB_KIND_VISION: self = .vision
        case JESSICA__V1__JOB_KIND__JOB_KIND_PERSONALITY: self = .personality
        case JESSICA__V1__JOB_KIND__JOB_KIND_CUSTOM: self = .custom
        default:
            throw WireError(.unsupported, field, "this version knows no number \(wire.rawValue)")
        }
    }

    /// The number on the wire.
    var wire: Jessica__V1__JobKind {
        switch self {
        case .image: JESSICA__V1__JOB_KIND__JOB_KIND_IMAGE
        case .video: JESSICA__V1__JOB_KIND__JOB_KIND_VIDEO
        case .voice: JESSICA__V1__JOB_KIND__JOB_KIND_VOICE
        case .audio: JESSICA__V1__JOB_KIND__JOB_KIND_AUDIO
        case .text: JESSICA__V1__JOB_KIND__JOB_KIND_TEXT
        case .vision: JESSICA__V1__JOB_KIND__JOB_KIND_VISION
        case .personality: JESSICA__V1__JOB_KIND__JOB_KIND_PERSONALITY
        case .custom: JESSICA__V1__JOB_KIND__JOB_KIND_CUSTOM
        }
    }
}

extension WorkerPhase {
    /// The value of the wire's number.
    init(wire: Jessica__V1__WorkerPhase) {
        self =
            switch wire {
            case JESSICA__V1__WORKER_PHASE__WORKER_PHASE_ACCEPTED: .accepted
            case JESSICA__V1__WORKER_PHASE__WORKER_PHASE_PULLING: .pulling
            case JESSICA__V1__WORKER_PHASE__WORKER_PHASE_STARTING: .starting
            case JESSICA__V1__WORKER_PHASE__WORKER_PHASE_READY: .ready
            case JESSICA__V1__WORKER_PHASE__WORKER_PHASE_FAILED: .failed
            case JESSICA__V1__WORKER_PHASE__WORKER_PHASE_STOPPING: .stopping
            case JESSICA__V1__WORKER_PHASE__WORKER_PHASE_GONE: .gone
            default: .unknown
            }
    }

    /// The number on the wire.
    var wire: Jessica__V1__WorkerPhase {
        switch self {
        case .accepted: JESSICA__V1__WORKER_PHASE__WORKER_PHASE_ACCEPTED
        case .pulling: JESSICA__V1__WORKER_PHASE__WORKER_PHASE_PULLING
        case .starting: JESSICA__V1__WORKER_PHASE__WORKER_PHASE_STARTING
        case .ready: JESSICA__V1__WORKER_PHASE__WORKER_PHASE_READY
        case .failed: JESSICA__V1__WORKER_PHASE__WORKER_PHASE_FAILED
        case .stopping: JESSICA__V1__WORKER_PHASE__WORKER_PHASE_STOPPING
        case .gone: JESSICA__V1__WORKER_PHASE__WORKER_PHASE_GONE
        case .unknown: JESSICA__V1__WORKER_PHASE__WORKER_PHASE_UNSPECIFIED
        }
    }
}

extension AttemptPhase {
    /// The value of the wire's number.
    init(wire: Jessica__V1__AttemptPhase) {
        self =
            switch wire {
            case JESSICA__V1__ATTEMPT_PHASE__ATTEMPT_PHASE_ACCEPTED: .accepted
            case JESSICA__V1__ATTEMPT_PHASE__ATTEMPT_PHASE_PREPARING: .preparing
            case JESSICA__V1__ATTEMPT_PHASE__ATTEMPT_PHASE_RUNNING: .running
            case JESSICA__V1__ATTEMPT_PHASE__ATTEMPT_PHASE_UPLOADING: .uploading
            case JESSICA__V1__ATTEMPT_PHASE__ATTEMPT_PHASE_SUCCEEDED: .succeeded
            case JESSICA__V1__ATTEMPT_PHASE__ATTEMPT_PHASE_FAILED: .failed
            case JESSICA__V1__ATTEMPT_PHASE__ATTEMPT_PHASE_STOPPED: .stopped
            default: .unknown
            }
    }

    /// The number on the wire.
    var wire: Jessica__V1__AttemptPhase {
        switch self {
        case .accepted: JESSICA__V1__ATTEMPT_PHASE__ATTEMPT_PHASE_ACCEPTED
        case .preparing: JESSICA__V1__ATTEMPT_PHASE__ATTEMPT_PHASE_PREPARING
        case .running: JESSICA__V1__ATTEMPT_PHASE__ATTEMPT_PHASE_RUNNING
        case .uploading: JESSICA__V1__ATTEMPT_PHASE__ATTEMPT_PHASE_UPLOADING
        case .succeeded: JESSICA__V1__ATTEMPT_PHASE__ATTEMPT_PHASE_SUCCEEDED
        case .failed: JESSICA__V1__ATTEMPT_PHASE__ATTEMPT_PHASE_FAILED
        case .stopped: JESSICA__V1__ATTEMPT_PHASE__ATTEMPT_PHASE_STOPPED
        case .unknown: JESSICA__V1__ATTEMPT_PHASE__ATTEMPT_PHASE_UNSPECIFIED
        }
    }
}

extension StopReason {
    /// The reason of the wire's number; nil to run.
    init?(wire: Jessica__V1__StopReason) {
        switch wire {
        case JESSICA__V1__STOP_REASON__STOP_REASON_UNSPECIFIED: return nil
        case JESSICA__V1__STOP_REASON__STOP_REASON_CANCELLED: self = .cancelled
        case JESSICA__V1__STOP_REASON__STOP_REASON_DEADLINE: self = .deadline
        case JESSICA__V1__STOP_REASON__STOP_REASON_SUPERSEDED: self = .superseded
        case JESSICA__V1__STOP_REASON__STOP_REASON_EVICTED: self = .evicted
        // Whatever it says, it says to stop.
        default: self = .unknown
        }
    }

    /// The number on the wire.
    var wire: Jessica__V1__StopReason {
        switch self {
        case .cancelled: JESSICA__V1__STOP_REASON__STOP_REASON_CANCELLED
        case .deadline: JESSICA__V1__STOP_REASON__STOP_REASON_DEADLINE
        case .superseded: JESSICA__V1__STOP_REASON__STOP_REASON_SUPERSEDED
        case .evicted: JESSICA__V1__STOP_REASON__STOP_REASON_EVICTED
        case .unknown: JESSICA__V1__STOP_REASON__STOP_REASON_OTHER
        }
    }
}
