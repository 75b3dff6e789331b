/// Who may connect to a server now.
///
/// Pure; the owner locks it and gives the time.
package struct Admission: Sendable {
    private let limits: LinkLimits
    private var tokens: Double
    private var lastRefill: UInt64?
    private var total = 0
    private var unauthenticated = 0
    // Bounded by the number of unauthenticated connections; looked up by key only.
    private var unauthenticatedByAddress: [String: Int] = [:]

    /// Makes the books of a server without connections.
    package init(limits: LinkLimits) {
        self.limits = limits
        self.tokens = Double(max(1, limits.acceptBurst))
    }

    /// Books a new connection, or says why it is turned away; `now` is monotonic, in nanoseconds.
    package mutating func admit(from address: String, at now: UInt64) -> LinkRefusal.Reason? {
        refill(at: now)
        guard total < limits.connections else { return .tooManyConnections }
        guard unauthenticated < limits.unauthenticatedConnections else {
            return .tooManyUnauthenticated
        }
        let fromAddress = unauthenticatedByAddress[address, default: 0]
        guard fromAddress < limits.unauthenticatedPerAddress else { return .tooManyFromAddress }
        guard tokens >= 1 else { return .acceptRate }
        tokens -= 1
        total += 1
        unauthenticated += 1
        unauthenticatedByAddress[address] = fromAddress + 1
        return nil
    }

    /// Books the end of an admitted connection's handshake, however it ended.
    package mutating func handshakeEnded(from address: String) {
        guard let count = unauthenticatedByAddress[address] else {
            assertionFailure("a handshake ended that was not admitted")
            return
        }
        unauthenticated -= 1
        unauthenticatedByAddress[address] = count > 1 ? count - 1 : nil
        assert(unauthenticated >= 0)
    }

    /// Books the end of a connection whose handshake's end is booked.
    package mutating func connectionEnded() {
        total -= 1
        assert(total >= unauthenticated)
    }

    private mutating func refill(at now: UInt64) {
        defer { lastRefill = now }
        guard let lastRefill, now > lastRefill else { return }
        let seconds = Double(now - lastRefill) / 1e9
        tokens = min(
            Double(max(1, limits.acceptBurst)), tokens + seconds * Double(limits.acceptsPerSecond))
    }
}
