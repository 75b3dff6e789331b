import NIOCore

/// How urgent a frame is.
///
/// A more urgent lane always goes first.
package enum Lane: Sendable, Equatable, CaseIterable {
    /// Leases, assignments, state. Never dropped: when too much waits, the connection is given up as stuck.
    case control
    /// Samples. Only the newest waits; it takes the place of one not sent yet.
    case telemetry
    /// Logs. Sent only on credit from the peer; when too much waits, the producer keeps it.
    case bulk
}

/// What became of a frame handed in for sending.
package enum SendResult: Sendable, Equatable {
    /// It waits for its turn, or is on its way.
    case queued
    /// The bulk lane is full; try again later.
    case queueFull
    /// The payload is longer than its lane allows.
    case tooLarge
    /// The connection is closed or closing.
    case closed
}

/// The frames of one connection that wait to be sent.
///
/// Pure; the owner locks it.
package struct LaneQueue: Sendable {
    /// What became of a frame.
    package enum Outcome: Sendable, Equatable {
        /// It waits.
        case queued
        /// No room on the bulk lane.
        case full
        /// Longer than the lane allows.
        case tooLarge
        /// The control lane is over its bound: the peer does not read.
        case stuck
    }

    private let limits: LinkLimits
    private var control = CircularBuffer<[UInt8]>()
    private var controlBytes = 0
    private var telemetry: [UInt8]?
    private var bulk = CircularBuffer<[UInt8]>()
    private var bulkBytes = 0

    /// Bulk bytes that may still go out.
    ///
    /// One frame may overdraw it, or a frame above the grant would wait for ever.
    package private(set) var credit = 0

    /// Makes an empty queue.
    package init(limits: LinkLimits) {
        self.limits = limits
    }

    /// Whether control frames wait.
    package var hasControl: Bool { !control.isEmpty }

    /// Whether `next` would give a frame.
    package var hasSendable: Bool {
        hasControl || telemetry != nil || (credit > 0 && !bulk.isEmpty)
    }

    /// Adds a frame.
    package mutating func enqueue(_ payload: [UInt8], lane: Lane) -> Outcome {
        guard payload.count <= limits.maximumFrameBytes else { return .tooLarge }
        switch lane {
        case .control:
            guard control.count < limits.controlFrames,
                payload.count <= limits.controlBytes - controlBytes
            else { return .stuck }
            control.append(payload)
            controlBytes += payload.count
        case .telemetry:
            telemetry = payload
        case .bulk:
            guard payload.count <= limits.maximumBulkFrameBytes else { return .tooLarge }
            // Headers count too, or empty frames could wait without bound.
            let cost = payload.count + Frame.headerBytes
            guard cost <= limits.bulkBytes - bulkBytes else { return .full }
            bulk.append(payload)
            bulkBytes += cost
        }
        return .queued
    }

    /// Grants credit, up to the bound; a grant that is not positive does nothing.
    package mutating func addCredit(_ bytes: Int) {
        guard bytes > 0 else { return }
        let (sum, overflow) = credit.addingReportingOverflow(bytes)
        credit = overflow ? limits.maximumCredit : min(sum, limits.maximumCredit)
    }

    /// Takes the most urgent frame that may go out now.
    package mutating func next() -> [UInt8]? {
        if let payload = control.popFirst() {
            controlBytes -= payload.count
            return payload
        }
        if let payload = telemetry {
            telemetry = nil
            return payload
        }
        guard credit > 0, let payload = bulk.popFirst() else { return nil }
        bulkBytes -= payload.count + Frame.headerBytes
        credit -= payload.count
        return payload
    }

    /// Drops everything but control frames.
    package mutating func keepOnlyControl() {
        telemetry = nil
        bulk.removeAll()
        bulkBytes = 0
    }
}
