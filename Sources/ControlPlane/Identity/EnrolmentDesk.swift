package import FleetCore
package import Logging
import OrderedCollections

/// Admits agents: by an administrator's word, or by a certificate that is still good.
///
/// A certificate is dated by the same look at the machine that says whether a ban stands against it: one
/// that comes later makes it void, whichever of the two is done first. It is dated by the wall clock, as whoever
/// checks it has the time: the loop's own does not go back with it, and what it dates might not hold yet.
package struct EnrolmentDesk: Sendable {
    /// The fleet's authority.
    let authority: Authority
    /// Who waits.
    let room = WaitingRoom()
    /// The wall clock.
    let wall: @Sendable () -> Instant
    private let loop: ControlLoop
    private let logger: Logger

    /// Opens a desk.
    package init(
        authority: Authority, loop: ControlLoop, logger: Logger,
        wall: @escaping @Sendable () -> Instant = { AnchoredClock().now }
    ) {
        self.authority = authority
        self.loop = loop
        self.logger = logger
        self.wall = wall
    }

    /// What an agent is told.
    enum Answer: Sendable {
        /// It is admitted; `isRenewal` when that was done just now, by its present certificate.
        case admitted(certificate: String, isRenewal: Bool)
        /// It waits; `isNew` when it has not before.
        case waits(isNew: Bool)
        /// Too many wait.
        case full
    }

    /// Answers an agent.
    func answer(_ guest: WaitingRoom.Guest, renews proof: RenewalProof?) async throws -> Answer {
        let seen = await look(at: guest.node)
        if let given = room.admission(of: guest.id, at: seen.now), !seen.isVoid(given.issuedAt) {
            return .admitted(certificate: given.certificate, isRenewal: false)
        }
        // Whoever was taken out of the fleet does not stay good for ever without anybody.
        if seen.isInFleet, let proof,
            let issuedAt = authority.issueTime(
                of: proof, for: guest.node, newKey: guest.key, at: seen.now),
            !seen.isVoid(issuedAt)
        {
            let certificate = try admit(guest, at: seen.issueTime)
            logger.info("certificate renewed", metadata: Self.metadata(guest))
            return .admitted(certificate: certificate, isRenewal: true)
        }
        switch room.enter(guest) {
        case .full: return .full
        case .waits(let isNew):
            if isNew {
                logger.notice(
                    "an agent asks to be admitted; see jctl node ls-pending",
                    metadata: Self.metadata(guest))
            }
            return .waits(isNew: isNew)
        }
    }

    /// Admits somebody who waits.
    func approve(_ guest: WaitingRoom.Guest) async throws {
        _ = try admit(guest, at: await look(at: guest.node).issueTime)
        logger.notice("an agent is admitted", metadata: Self.metadata(guest))
    }

    private func admit(_ guest: WaitingRoom.Guest, at issuedAt: Instant) throws -> String {
        // Cut off from the store, we may lead no more and know nothing of the latest ban.
        guard loop.health.isHealthy else { throw APIError.storeAway }
        let certificate = try authority.certify(guest.node, key: guest.key, at: issuedAt)
        room.admit(guest.id, .init(certificate: certificate, issuedAt: issuedAt))
        return certificate
    }

    /// What the machine knew of a name at one instant.
    private struct Sight: Sendable {
        let now: Instant
        let ban: Instant?
        /// What a certificate issued now is dated.
        let issueTime: Instant
        let isInFleet: Bool

        func isVoid(_ issuedAt: Instant) -> Bool { Controller.isVoid(issuedAt, by: ban) }
    }

    private func look(at node: NodeName) async -> Sight {
        await loop.read { [wall] controller, _ -> Sight in
            let now = wall()
            return Sight(
                now: now, ban: controller.bans[node],
                issueTime: controller.issueTime(for: node, at: now),
                isInFleet: controller.nodes[node].map { !$0.retired } ?? false)
        }
    }

    private static func metadata(_ guest: WaitingRoom.Guest) -> Logger.Metadata {
        [
            "node": "\(guest.node)", "key": "\(guest.fingerprint)", "remote": "\(guest.address)",
        ]
    }
}
