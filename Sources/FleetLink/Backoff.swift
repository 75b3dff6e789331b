/// How long to wait before the next try to connect: exponential with full jitter, so that a fleet that lost its
/// controller does not come back all at once.
package struct Backoff<Generator: RandomNumberGenerator> {
    /// The bound of the first wait.
    package let base: Duration
    /// The bound of every wait.
    package let cap: Duration
    private var bound: Duration
    private var generator: Generator

    /// Makes a backoff; the waits come from `generator`.
    package init(
        base: Duration = .milliseconds(500), cap: Duration = .seconds(5), generator: Generator
    ) {
        precondition(base > .zero && cap >= base, "a backoff needs 0 < base <= cap")
        self.base = base
        self.cap = cap
        self.bound = base
        self.generator = generator
    }

    /// The next wait: between zero and a bound that doubles up to the cap.
    package mutating func next() -> Duration {
        let milliseconds =
            bound.components.seconds * 1_000 + bound.components.attoseconds / 1_000_000_000_000_000
        bound = min(cap, bound * 2)
        return .milliseconds(Int64.random(in: 0...max(1, milliseconds), using: &generator))
    }

    /// Begins anew, after a connection that lasted.
    package mutating func reset() {
        bound = base
    }
}

extension Backoff: Sendable where Generator: Sendable {}
