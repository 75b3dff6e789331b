package import FleetCore
import FleetLink
import FleetWire
import Foundation
package import Logging
import Synchronization

/// The live connections of agents, by session.
package final class SessionTable: Sendable {
    private let connections = Mutex<[SessionID: LinkConnection]>([:])
    /// The upper half differs from one life of the controller to the next.
    private let lastSession = Atomic<UInt64>(UInt64.random(in: 1..<1 << 31) << 32)
    private let counters: LinkCounters
    private let logger: Logger

    /// Creates an empty table.
    package init(counters: LinkCounters, logger: Logger) {
        self.counters = counters
        self.logger = logger
    }

    /// How many agents are connected.
    package var count: Int { connections.withLock { $0.count } }

    /// When the certificates of connected agents end, by node.
    var certificates: [(node: String, ends: Date)] {
        connections.withLock { Array($0.values) }
            .map {
                ($0.peer.commonName ?? "-", Date(timeIntervalSince1970: Double($0.peer.notAfter)))
            }
            .sorted { $0.node < $1.node }
    }

    /// The session of a connection that begins now: greater than all before it.
    func newSession() -> SessionID {
        SessionID(lastSession.add(1, ordering: .relaxed).newValue)
    }

    func add(_ session: SessionID, _ connection: LinkConnection) {
        connections.withLock { $0[session] = connection }
    }

    func remove(_ session: SessionID) {
        _ = connections.withLock { $0.removeValue(forKey: session) }
    }

    /// Sends a message to a session; nothing happens when it is over.
    package func send(_ message: ControllerMessage, to session: SessionID) {
        guard let connection = connections.withLock({ $0[session] }) else { return }
        do {
            connection.send(try WireCodec.encode(message), lane: .control)
            counters.sent(message)
        } catch {
            logger.error("message cannot be encoded", metadata: ["error": "\(error)"])
        }
    }

    /// Tells a session why it ends, and ends it.
    package func close(_ closing: Effects.Closing) {
        send(
            .goodbye(reason: closing.reason, certificateIsVoid: closing.certificateIsVoid),
            to: closing.session)
        connections.withLock { $0[closing.session] }?.close()
    }
}
