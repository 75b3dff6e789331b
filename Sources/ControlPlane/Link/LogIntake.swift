import FleetCore
import FleetLink
import Logging
import Synchronization

/// Keeps the pieces of log that a node sends in one session, in their order.
///
/// It does so beside all else that the node says: the disk and the record may be slow, and a heartbeat
/// behind a piece must not wait for them. A piece gives its credit back when it is done with, so no more than
/// the credit waits here.
final class LogIntake: Sendable {
    private struct Piece: Sendable {
        var chunk: LogChunk
        var bytes: Int
    }
    private let service: LinkService
    private let node: NodeName
    private let session: SessionID
    private let pieces: AsyncStream<Piece>
    private let queue: AsyncStream<Piece>.Continuation
    /// Bytes of pieces that wait.
    private let waiting = Atomic(0)

    /// A node sends as long as it has credit left: with the last piece it may be in debt.
    private static let waitingMax = LinkService.logCredit + LinkService.frameMax

    init(_ service: LinkService, node: NodeName, session: SessionID) {
        self.service = service
        self.node = node
        self.session = session
        (pieces, queue) = AsyncStream.makeStream()
    }

    /// Adds a piece that came in a frame of so many bytes; throws when the node has no credit for it.
    func add(_ chunk: LogChunk, bytes: Int) throws {
        guard waiting.add(bytes, ordering: .relaxed).newValue <= Self.waitingMax else {
            service.counters.refused("log")
            throw LinkError(.misuse, "more log than there is credit for")
        }
        queue.yield(Piece(chunk: chunk, bytes: bytes))
    }

    /// Nothing is added any more.
    func end() { queue.finish() }

    /// Keeps what is added, to its end.
    func run() async {
        var rights = LogRights(node: node, loop: service.loop, record: service.record)
        for await piece in pieces {
            if await keep(piece.chunk, &rights) {
                service.sessions.send(.logKept(piece.chunk.key), to: session)
            }
            waiting.subtract(piece.bytes, ordering: .relaxed)
            service.sessions.send(
                .logCredit(bytes: UInt32(clamping: piece.bytes)), to: session)
        }
    }

    /// Keeps a piece of log; whether it was the last, and all is kept that will be.
    ///
    /// What nobody has asked that node for, and what is no log, is passed over and need not be sent again.
    private func keep(_ chunk: LogChunk, _ rights: inout LogRights) async -> Bool {
        do {
            guard try await rights.mayWrite(chunk.key) else { return chunk.isLast }
        } catch {
            // The node holds its log until the last piece is kept, and sends it again on its next link.
            service.logger.notice(
                "a piece of log is not kept: the record cannot be read",
                metadata: [
                    "node": "\(node)", "attempt": "\(chunk.key)", "error": "\(error)",
                ])
            return false
        }
        do {
            guard try await service.logs.append(chunk, now: service.loop.clock.now) else {
                return false
            }
            // The node lets its own go when it is told that this one is kept.
            return await isOnDisk(chunk.key)
        } catch {
            service.counters.refused("log")
            service.logger.warning(
                "a piece of log is none",
                metadata: [
                    "node": "\(node)", "attempt": "\(chunk.key)", "error": "\(error)",
                ])
            return chunk.isLast
        }
    }

    private func isOnDisk(_ key: AttemptKey) async -> Bool {
        do {
            try await service.logs.sync(key)
            return true
        } catch {
            service.logger.error(
                "log of an attempt is not on the disk",
                metadata: ["attempt": "\(key)", "error": "\(error)"])
            return false
        }
    }
}
