import DockerEngine
import Logging

/// Deletes images that this agent has pulled and nobody uses any more: by age, and sooner when the disk gets full.
struct ImageCollector: Sendable {
    let engine: DockerEngine
    let ledger: ImageLedger
    let rules: Rules
    let logger: Logger

    /// When an image may go.
    struct Rules: Hashable, Sendable {
        /// How long an image is kept after its last use, in seconds; nil for as long as there is room.
        var keepSeconds: Int64?
        /// Below so many free bytes images go, the one used least lately first.
        var minFree: UInt64
    }

    /// An image used this lately stays even when the disk is full: it may just have been pulled for a
    /// container that is about to be made.
    static let sparedSeconds: Int64 = 3_600
    private static let every = Duration.seconds(60)

    /// Looks again and again until cancelled.
    func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.every, clock: .continuous)
            guard !Task.isCancelled else { return }
            await collect(now: WallTime.seconds)
        }
    }

    /// Deletes what may go now.
    func collect(now: Int64) async {
        // What a container is made of is in use, and was until now, whoever made the container.
        guard let containers = try? await engine.list() else { return }
        for container in containers { ledger.used(container.imageID, at: now) }
        let candidates = Self.candidates(ledger.entries, now: now)
        guard !candidates.isEmpty, let folder = try? await engine.info().rootDir else { return }
        var busy = 0
        for entry in candidates {
            let isOld = rules.keepSeconds.map { now - entry.usedAt >= $0 } ?? false
            let isTight = DiskSpace.free(at: folder).map { $0 < rules.minFree } ?? false
            guard isOld || isTight else { continue }
            do {
                try await engine.removeImage(entry.id)
                ledger.forget(entry.id)
                logger.notice(
                    "image deleted",
                    metadata: [
                        "image.id": "\(entry.id)", "reason": isOld ? "unused" : "the disk is full",
                    ])
            } catch let error as DockerError where error.code == .notFound {
                ledger.forget(entry.id)
            } catch let error as DockerError where error.code == .conflict {
                // A container is made of it, or somebody has named it too.
                busy += 1
            } catch {
                logger.notice(
                    "image not deleted",
                    metadata: ["image.id": "\(entry.id)", "error": "\(error)"])
                return
            }
        }
        if busy > 0 { logger.debug("images in use stay", metadata: ["images": "\(busy)"]) }
    }

    /// The images that could go, the one used least lately first.
    ///
    /// One from the future, by a clock that was set, counts as used now.
    static func candidates(_ entries: [ImageLedger.Entry], now: Int64) -> [ImageLedger.Entry] {
        entries.filter { now - $0.usedAt >= sparedSeconds }
            .sorted { ($0.usedAt, $0.id) < ($1.usedAt, $1.id) }
    }
}
