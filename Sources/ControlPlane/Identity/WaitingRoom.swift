import Crypto
import FleetCore
import OrderedCollections
import Synchronization

/// The agents that wait to be admitted, and those that were lately.
///
/// In memory only: an agent that is not answered asks again. Everybody may ask, so there is a bound on all
/// who wait and on those from one address; whoever asked longest ago makes room, unless it is just held.
final class WaitingRoom: Sendable {
    /// Which request it is: a node's name, and the key it asks with.
    struct ID: Hashable, Sendable {
        let node: NodeName
        let fingerprint: String
    }

    /// Somebody who asks to be admitted as a node.
    struct Guest: Sendable {
        let node: NodeName
        let key: P256.Signing.PublicKey
        let fingerprint: String
        /// Where it asks from.
        var address: String
        /// What it says its version is.
        var version: String?
        let since: Instant
        var lastAskedAt: Instant
        var id: ID { ID(node: node, fingerprint: fingerprint) }

        init(
            node: NodeName, key: P256.Signing.PublicKey, address: String, version: String?,
            at now: Instant
        ) {
            self.node = node
            self.key = key
            fingerprint = key.fingerprint
            self.address = address
            self.version = version
            since = now
            lastAskedAt = now
        }
    }

    /// A certificate that was issued, for an agent that did not hear of it.
    struct Admission: Sendable {
        let certificate: String
        let issuedAt: Instant
    }

    /// What becomes of a request at once.
    enum Entry: Hashable, Sendable {
        /// It waits; `isNew` when nobody waited with that name and key.
        case waits(isNew: Bool)
        /// There is no room.
        case full
    }

    /// Why nobody is chosen.
    enum NoChoice: Error, Hashable {
        /// Nobody waits under that name and key.
        case nobody
        /// Several keys wait, and these are their fingerprints.
        case several([String])
    }

    static let guestMax = 64
    static let addressMax = 8
    /// Who has not asked for so long is gone.
    static let patience = Duration.seconds(600)
    /// For so long an agent that asks again is given the same certificate.
    static let memory = Duration.seconds(3_600)
    private static let admissionMax = 256

    fileprivate struct Seat {
        var guest: Guest
        var held: CheckedContinuation<String?, Never>?
        /// Differs from one hold to the next.
        var hold: UInt64 = 0
    }

    fileprivate struct State {
        var seats: OrderedDictionary<ID, Seat> = [:]
        var admissions: OrderedDictionary<ID, Admission> = [:]
        var lastHold: UInt64 = 0
    }

    private let state = Mutex(State())
    private let sleep: @Sendable (Duration) async throws -> Void

    /// Opens an empty room; `sleep` lets time pass.
    init(
        sleep: @escaping @Sendable (Duration) async throws -> Void = {
            try await Task.sleep(for: $0)
        }
    ) {
        self.sleep = sleep
    }

    // MARK: Agents

    /// Takes somebody in, or notes that they still ask.
    func enter(_ guest: Guest) -> Entry {
        state.withLock { state in
            state.dismiss(at: guest.lastAskedAt)
            if state.seats[guest.id] != nil {
                state.seats[guest.id]?.guest.address = guest.address
                state.seats[guest.id]?.guest.version = guest.version
                state.seats[guest.id]?.guest.lastAskedAt = guest.lastAskedAt
                return .waits(isNew: false)
            }
            guard state.makeRoom(Self.addressMax, where: { $0.guest.address == guest.address }),
                state.makeRoom(Self.guestMax, where: { _ in true })
            else { return .full }
            state.seats[guest.id] = Seat(guest: guest)
            return .waits(isNew: true)
        }
    }

    /// What was issued for a request lately; nil for nothing.
    func admission(of id: ID, at now: Instant) -> Admission? {
        state.withLock { state in
            guard let admission = state.admissions[id],
                now.since(admission.issuedAt) <= Self.memory
            else { return nil }
            return admission
        }
    }

    /// Holds a request until it is decided; nil when that takes longer, or it is asked anew meanwhile.
    func certificate(for id: ID, within time: Duration) async -> String? {
        await withTaskGroup(of: String?.self) { group in
            group.addTask { await self.hold(id) }
            group.addTask { [sleep] in
                try? await sleep(time)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            // It may have been decided just as the time was over.
            let second = await group.next() ?? nil
            return first ?? second
        }
    }

    /// Whether somebody is held for a request just now.
    func isHeld(_ id: ID) -> Bool { state.withLock { $0.seats[id]?.held != nil } }

    private func hold(_ id: ID) async -> String? {
        let hold = state.withLock { state in
            state.lastHold += 1
            return state.lastHold
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (replaced, answer, isHeld) = state.withLock { state in
                    state.take(continuation, for: id, hold, isCancelled: Task.isCancelled)
                }
                replaced?.resume(returning: nil)
                if !isHeld { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let continuation = state.withLock { state -> CheckedContinuation<String?, Never>? in
                guard state.seats[id]?.hold == hold else { return nil }
                return state.seats[id]?.held.take()
            }
            continuation?.resume(returning: nil)
        }
    }

    // MARK: The administrator

    /// Who waits, those first who came first.
    func guests(at now: Instant) -> [Guest] {
        state.withLock { state in
            state.dismiss(at: now)
            return state.seats.values.map(\.guest)
        }
    }

    /// Who waits under a name, with a key whose digits begin so; without them the only one there is.
    func choose(
        _ node: NodeName, keyPrefix: String?, at now: Instant
    ) throws(NoChoice) -> Guest {
        let named = guests(at: now).filter { guest in
            guest.node == node
                && (keyPrefix.map { guest.fingerprint.hasPrefix("SHA256:\($0)") } ?? true)
        }
        guard let first = named.first else { throw .nobody }
        guard named.count == 1 else { throw .several(named.map(\.fingerprint)) }
        return first
    }

    /// Gives a request its certificate; who is held gets it at once.
    func admit(_ id: ID, _ admission: Admission) {
        let held = state.withLock { state -> CheckedContinuation<String?, Never>? in
            // The latest is the last one to be forgotten.
            state.admissions.removeValue(forKey: id)
            state.admissions[id] = admission
            if state.admissions.count > Self.admissionMax { state.admissions.removeFirst() }
            return state.seats.removeValue(forKey: id)?.held
        }
        held?.resume(returning: admission.certificate)
    }
}

extension WaitingRoom.State {
    /// Lets those go who have not asked for long.
    fileprivate mutating func dismiss(at now: Instant) {
        let gone = seats.filter { _, seat in
            seat.held == nil && now.since(seat.guest.lastAskedAt) > WaitingRoom.patience
        }
        for id in gone.keys { seats.removeValue(forKey: id) }
    }

    /// Whether one more of a kind may come in; the one that asked longest ago may have to go.
    fileprivate mutating func makeRoom(
        _ most: Int, where isOfKind: (WaitingRoom.Seat) -> Bool
    ) -> Bool {
        let kind = seats.filter { isOfKind($0.value) }
        guard kind.count >= most else { return true }
        let idle = kind.filter { $0.value.held == nil }
        guard let oldest = idle.min(by: { $0.value.guest.lastAskedAt < $1.value.guest.lastAskedAt })
        else { return false }
        seats.removeValue(forKey: oldest.key)
        return true
    }

    /// Holds a request, or says at once what it is answered.
    fileprivate mutating func take(
        _ continuation: CheckedContinuation<String?, Never>, for id: WaitingRoom.ID,
        _ hold: UInt64, isCancelled: Bool
    ) -> (replaced: CheckedContinuation<String?, Never>?, answer: String?, isHeld: Bool) {
        guard let seat = seats[id], !isCancelled else {
            return (nil, admissions[id]?.certificate, false)
        }
        seats[id]?.held = continuation
        seats[id]?.hold = hold
        return (seat.held, nil, true)
    }
}
