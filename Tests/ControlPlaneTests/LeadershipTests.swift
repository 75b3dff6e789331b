import Foundation
import Logging
import RedisStore
import Settings
import Testing

@testable import ControlPlane

@Suite("Two controllers, one leader")
struct LeadershipTests {
    @Test("The second waits, and leads when the first gives up, or is silent for the lease")
    func handsOver() async throws {
        try await Plane.with(fleet: nil) { plane, _ in
            let client = plane.store.store.client
            let first = try leadership(client, "first", .seconds(3))
            let second = try leadership(client, "second", .seconds(3))
            try await first.win()
            async let waits: Void = second.win()
            await first.giveUp()
            try await waits
            let leader = try await plane.store.leader()
            #expect(leader == "second")
            // The second is silent now, and its lease ends by itself.
            try await first.win()
            let error = await #expect(throws: RedisStoreError.self) { try await second.keep() }
            #expect(error?.code == .fenced)
        }
    }

    private func leadership(
        _ client: RedisClient, _ owner: String, _ duration: Duration
    ) throws -> Leadership {
        let notifier = ServiceNotifier(environment: [:])
        return Leadership(
            lease: try LeaderLease(client: client, owner: owner, duration: duration),
            notifier: notifier, watchdog: LoopWatchdog(notifier),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }
}
