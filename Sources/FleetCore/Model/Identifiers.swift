/// A name or id that is text on the wire and its own type in code.
package protocol TextIdentifier: RawRepresentable<String>, Hashable, Comparable, Sendable, Codable,
    CustomStringConvertible, ExpressibleByStringLiteral
{
    /// Creates the identifier; the text is not checked.
    init(rawValue: String)
}

extension TextIdentifier {
    /// Creates the identifier from text.
    package init(_ text: String) { self.init(rawValue: text) }
    /// Creates the identifier from a literal.
    package init(stringLiteral value: String) { self.init(rawValue: value) }
    /// The text itself.
    package var description: String { rawValue }
    /// Orders by the text's bytes, the same on every machine.
    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// A job's id: 26 characters, sortable by the time of submission.
package struct JobID: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// A plan's id: 26 characters, sortable by the time of submission.
package struct PlanID: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// Who asks for work, as the API token names them: `alice`.
package struct SubmitterName: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    /// Who needs no token: the local socket.
    package static let local: SubmitterName = "local"
}

/// A node's name, as in the node table: `agx-01`.
package struct NodeName: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// A cluster's name: `vision`.
package struct ClusterName: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// A service's name: `sdxl-api`.
package struct ServiceName: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// A template's name: `sdxl-worker`.
package struct TemplateName: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// A worker on a node: a service's pod (`sdxl-api`) or a roamer's worker (`w-42`).
package struct WorkerID: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// One try of a job: the job and the attempt's number, from 1.
package struct AttemptKey: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    /// The job tried.
    package let job: JobID
    /// Which try it is, from 1.
    package let number: Int

    /// Creates a key.
    package init(job: JobID, number: Int) {
        self.job = job
        self.number = number
    }

    /// `JOB.NUMBER`.
    package var description: String { "\(job).\(number)" }

    /// Orders by job, then number.
    package static func < (a: AttemptKey, b: AttemptKey) -> Bool {
        (a.job, a.number) < (b.job, b.number)
    }
}

/// One life of an agent: which boot of the machine, and which start of the agent.
package struct Incarnation: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The kernel's boot id.
    package let boot: String
    /// Which start of the agent: no two of a boot have the same.
    package let starts: UInt64

    /// Creates an incarnation.
    package init(boot: String, starts: UInt64) {
        self.boot = boot
        self.starts = starts
    }

    /// The life that begins when the machine has been up for so long; `last` is the start that the agent's disk
    /// tells of, 0 when it tells of none.
    ///
    /// Counting alone would give a life whose disk was lost the name of an earlier one, and nobody would know
    /// that there was another.
    package init(boot: String, after last: UInt64, upFor uptime: Duration) {
        let milliseconds = max(0, uptime.nanoseconds / 1_000_000)
        self.init(boot: boot, starts: max(last &+ 1, UInt64(milliseconds)))
    }

    /// `BOOT/STARTS`.
    package var description: String { "\(boot)/\(starts)" }
}

/// One connection of an agent to one life of the controller; never used again.
///
/// In one life of the controller the later connection has the greater id.
package struct SessionID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number.
    package let value: UInt64
    /// Creates an id.
    package init(_ value: UInt64) { self.value = value }
    /// Orders the sessions of one life of the controller by their beginning.
    package static func < (a: SessionID, b: SessionID) -> Bool { a.value < b.value }
    /// The number in hexadecimal.
    package var description: String { String(value, radix: 16) }
}

/// A caller waiting for the answer to a request; meaningful in one process only.
package struct RequestID: Hashable, Sendable {
    /// A number given by the shell.
    package let value: UInt64
    /// Creates an id.
    package init(_ value: UInt64) { self.value = value }
}
