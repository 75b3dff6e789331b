/// What must always hold; the numbers are those of the architecture.
package enum Invariant: String, Hashable, Sendable, Codable, CaseIterable {
    /// 1. An accepted job is never lost.
    case jobKept = "job-kept"
    /// 1. Once the world is whole, everything ends within a bound.
    case comesToRest = "comes-to-rest"
    /// 2. At most one result of a job, and an end is an end.
    case resultOnce = "result-once"
    /// 2. At most one attempt of a job runs, two when it is retry-safe.
    case runsOnce = "runs-once"
    /// 3. A node's attempts never exceed its slots.
    case slots
    /// 3. What runs on a node fits into its memory.
    case memory
    /// 4. A roamer belongs to at most one assignment, and is IDLE only when clean.
    case roamer
    /// 5. Observed states only move forward, and changes are those the machines allow.
    case transitions
    /// The event stream has no gap, and each event starts where the last one ended.
    case events
    /// Every waiting job says why.
    case reasons
    /// What the machines say can go over the wire, and arrives as it was said.
    case wire
    /// An attempt begins once, not after its end is stored, and is uploaded once.
    case fencing
    /// Work ends by itself or because it must, not because an order about its worker changed.
    case healthyWork = "healthy-work"
    /// What somebody was told is stored, and what is decided is in the store once it has answered.
    case toldIsStored = "told-is-stored"
    /// Times are kept: deadlines, drains, loans, back-offs, and how long a silent node is waited for.
    case promises
    /// A job begins when all that it waits for has succeeded, and a plan ends as its jobs did.
    case order
    /// Nobody has more running than the limits allow.
    case limits
    /// The machine's indexes are what its state says.
    case indexes
}

/// An invariant that was broken.
package struct Violation: Hashable, Sendable, Codable {
    /// Which.
    package let invariant: Invariant
    /// How.
    package let text: String
    /// When, in seconds of virtual time.
    package let at: Double
}
