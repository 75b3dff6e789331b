import Logging
import RedisStore
import Settings

/// The right to lead, where another controller may take over: waited for, kept, given back.
///
/// It decides only who tries. What keeps a deposed leader from writing is the term.
struct Leadership: Sendable {
    let lease: LeaderLease
    let notifier: ServiceNotifier
    let watchdog: LoopWatchdog
    let logger: Logger

    /// How long a leader that is gone is waited for; short, as an idle second costs nothing but a message.
    static let leaseTime = Duration.seconds(3)
    private static let renewEvery = Duration.seconds(1)
    private static let lookEvery = Duration.milliseconds(200)

    /// Waits until nobody else leads.
    func win() async throws {
        var told = ""
        while true {
            watchdog.turned()
            do throws(RedisStoreError) {
                switch try await lease.acquire() {
                case .held: return
                case .heldBy(let leader, _):
                    if leader != told {
                        logger.notice("standing by", metadata: ["leader": "\(leader)"])
                        // Ready for what it is there for.
                        notifier.ready("stands by; \(leader) leads")
                        told = leader
                    }
                }
            } catch {
                guard case .unavailable = error.code else { throw error }
                if told != error.message {
                    logger.warning(
                        "store does not answer a controller that stands by",
                        metadata: ["error": "\(error.message)"])
                    told = error.message
                }
            }
            try await Task.sleep(for: Self.lookEvery)
        }
    }

    /// Keeps it; throws `fenced` when another has it.
    func keep() async throws {
        while true {
            try await Task.sleep(for: Self.renewEvery)
            do throws(RedisStoreError) {
                guard case .heldBy(let leader, _) = try await lease.acquire() else { continue }
                throw RedisStoreError(.fenced, "\(leader) leads now")
            } catch {
                // With the store away nobody can take it either; whether we lead the term says.
                guard case .unavailable = error.code else { throw error }
            }
        }
    }

    /// Lets another lead at once.
    func giveUp() async { _ = try? await lease.release() }
}
