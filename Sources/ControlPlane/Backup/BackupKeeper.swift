import FleetCore
import Logging
import RedisStore

/// Makes a backup when the latest is old, and deletes the oldest of those that it made.
///
/// One that somebody asked for counts as the latest too, and is never deleted.
struct BackupKeeper: Sendable {
    let desk: BackupDesk
    let clock: AnchoredClock
    /// How old the latest may be.
    let every: Duration
    /// How many of those that it made are kept.
    let keep: Int
    let logger: Logger

    /// How often it looks whether one is due; the first time after so long too.
    static let lookEvery = Duration.seconds(600)
    /// How long one is waited for; after one that takes longer nothing is deleted.
    private static let patience = Duration.seconds(86_400)
    /// For so long an archive alone may belong to a backup that is being made.
    private static let halfFor = Duration.seconds(86_400)

    /// Works until cancelled.
    func run() async {
        var isHindered = false
        while (try? await Task.sleep(for: Self.lookEvery, clock: .continuous)) != nil {
            do {
                try await lookWhetherDue()
                isHindered = false
            } catch {
                guard !Task.isCancelled else { return }
                if !isHindered {
                    logger.notice(
                        "whether a backup is due is not known for now",
                        metadata: ["error": "\(error)"])
                }
                isHindered = true
            }
        }
    }

    /// Makes one if it is time and none is being made, and deletes what is too old after it.
    ///
    /// Throws when the object store does not say which is the latest.
    func lookWhetherDue() async throws {
        do {
            try await desk.look()
        } catch is ArchiveError {
            // The latest is damaged, and so none.
        }
        guard Self.isDue(latest: desk.latest, now: clock.now, every: every),
            let name = desk.begin(automatic: true)
        else { return }
        await desk.wait(for: name, atMost: Self.patience)
        guard case .done? = desk.progress(of: name) else { return }
        do {
            try await deleteOld()
        } catch {
            guard !Task.isCancelled else { return }
            logger.notice("old backups are not deleted for now", metadata: ["error": "\(error)"])
        }
    }

    /// Whether it is time for another, with the latest in seconds since 1970.
    static func isDue(latest: Double?, now: Instant, every: Duration) -> Bool {
        guard let latest else { return true }
        return now.since(.zero).inSeconds - latest >= every.inSeconds
    }

    private func deleteOld() async throws {
        let old: [String] = try await desk.folder.automatic().dropFirst(keep).reversed()
        let remains = try await desk.folder.remains(before: clock.now - Self.halfFor)
        for name in remains + old {
            try await desk.folder.delete(name)
            logger.info("old backup deleted", metadata: ["backup": "\(name)"])
        }
    }
}
