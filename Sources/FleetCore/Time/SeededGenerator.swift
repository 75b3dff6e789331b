/// A small, fast random generator whose whole state is one seed (SplitMix64, Steele et al.
///
/// 2014).
///
/// It lives in the machines' state, so equal seeds give equal runs on every machine.
package struct SeededGenerator: RandomNumberGenerator, Hashable, Sendable {
    private var state: UInt64

    /// Creates a generator from a seed.
    package init(seed: UInt64) { state = seed }

    /// The next 64 random bits.
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Exponential back-off with full jitter: a random time between zero and a doubling ceiling.
package struct BackOff: Hashable, Sendable {
    /// The ceiling of the first wait.
    package let base: Duration
    /// The ceiling of every wait.
    package let cap: Duration
    /// The shortest wait.
    package let floor: Duration

    /// Creates a policy.
    package init(base: Duration, cap: Duration, floor: Duration = .zero) {
        self.base = base
        self.cap = cap
        self.floor = floor
    }

    /// The wait before try number `failures + 1`; `failures` counts from 1.
    package func delay(failures: Int, using random: inout SeededGenerator) -> Duration {
        let doublings = min(max(failures - 1, 0), 30)
        let ceiling = min(base.nanoseconds.multipliedReportingOverflow(by: 1 << doublings), cap)
        let low = min(floor.nanoseconds, ceiling)
        return .nanoseconds(Int64.random(in: low...max(low, ceiling), using: &random))
    }

    private func min(
        _ product: (partialValue: Int64, overflow: Bool), _ cap: Duration
    ) -> Int64 {
        product.overflow ? cap.nanoseconds : Swift.min(product.partialValue, cap.nanoseconds)
    }

    private func min(_ a: Int64, _ b: Int64) -> Int64 { Swift.min(a, b) }
    private func min(_ a: Int, _ b: Int) -> Int { Swift.min(a, b) }
}
