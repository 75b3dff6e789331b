import FleetCore
package import Logging
import OrderedCollections

/// Admits agents: by an administrator's word, or by a certificate that is still good.
///
/// A certificate is dated by the same look at the machine that says whether a ban stands against it: one
/// that comes later makes it void, whichever of the two is done first.
package struct EnrolmentDesk: Sendable {
    /// The fleet's authority.
    let authority: Authority
    /// Who waits.
    let room = WaitingRoom()
    private let loop: ControlLoop
    private let logger: Logger

    /// Opens a desk.
    package init(authority: Authority, loop: ControlLoop, logger: Logger) {
        self.authority = authority
        self.loop = loop
        self.logger = logger
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
        let (ban, now) = await look(at: guest.node)
        func isVoid(_ issuedAt: Instant) -> Bool { ban.map { issuedAt <= $0 } ?? false }
        if let given = room.admission(of: guest.id, at: now), !isVoid(given.issuedAt) {
            return .admitted(certificate: given.certificate, isRenewal: false)
        }
        if let proof,
            let issuedAt = authority.issueTime(
                of: proof, for: guest.node, newKey: guest.key, at: now), !isVoid(issuedAt)
        {
            let certificate = try admit(guest, at: now)
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
        let issuedAt = await loop.read { controller, now in
            controller.issueTime(for: guest.node, at: now)
        }
        _ = try admit(guest, at: issuedAt)
        logger.notice("an agent is admitted", metadata: Self.metadata(guest))
    }

    private func admit(_ guest: WaitingRoom.Guest, at issuedAt: Instant) throws -> String {
        let certificate = try authority.certify(guest.node, key: guest.key, at: issuedAt)
        room.admit(guest.id, .init(certificate: certificate, issuedAt: issuedAt))
        return certificate
    }

    private func look(at node: NodeName) async -> (ban: Instant?, now: Instant) {
        await loop.read { controller, now in (controller.bans[node], now) }
    }

    private static func metadata(_ guest: WaitingRoom.Guest) -> Logger.Metadata {
        let metadata: Logger.Metadata = [
            "node": "\(guest.node)", "key": "\(guest.fingerprint)", "remote": "\(guest.address)",
        ]
        return metadata
    }
}
