import FleetCore
import Foundation
import Hummingbird
import JobCatalogue
import RedisStore
import Settings
import Synchronization

/// `jctl doctor`: what is wrong, and what to do.
extension APIServer {
    func addDiagnosis(_ api: RouterGroup<Context>) {
        api.get("/diagnosis") { _, _ in
            try JSONAnswer.response(Diagnosis(at: Date(), items: await diagnose()))
        }
    }

    private struct Diagnosis: Encodable {
        let at: String
        let items: [Finding]
        let next = Nullable<String>(nil)

        init(at date: Date, items: [Finding]) {
            let milliseconds = Int64((date.timeIntervalSince1970 * 1_000).rounded())
            at = Instant(nanoseconds: milliseconds * 1_000_000).rfc3339
            self.items = items
        }
    }

    private func diagnose() async -> [Finding] {
        let now = Date()
        let ahead = now.timeIntervalSince1970 - loop.clock.now.since(.zero).inSeconds
        // At the same time, as each may have to wait for something that hangs.
        async let store = within("store") { await storeFindings() }
        async let objects = within("objects") { [await objectFinding()] }
        async let names = nameFindings()
        async let catalogue = within("catalogue") { [await catalogueFinding()] }
        var findings = await store + objects + catalogue
        findings += [
            MachineFindings.disk(installation.folder),
            MachineFindings.clock(ahead: ahead),
            MachineFindings.certificate(
                "authority", ends: installation.authorityEnds, now: now,
                action:
                    "remove the authority's folder, restart, and admit every node anew, see docs/operations.md"
            ),
            MachineFindings.certificate(
                "controller", ends: installation.certificateEnds, now: now,
                action: "its log says why it makes no new one; restart the controller"),
        ]
        findings += MachineFindings.certificates(sessions.certificates, now: now)
        findings += await names
        findings += WebhookFindings.look(webhooks.statuses)
        let wanted = await loop.read { controller, _ in controller.fleet.storage }
        if let why = installation.mismatch(wanted) {
            findings.append(.warning("objects", why, action: Installation.takeStorage))
        }
        return findings
            + (await loop.read { FleetFindings.look($0, at: $1, wallClockAhead: ahead) })
    }

    /// How long one check may take.
    private static let patience = Duration.seconds(5)

    private func within(
        _ name: String, _ check: @escaping @Sendable () async -> [Finding]
    ) async -> [Finding] {
        let findings = try? await withLimit(Self.patience) { await check() }
        return findings ?? [
            .failed(
                name, "it does not answer within \(Self.patience)",
                action: "is it up, and can the controller's machine reach it?")
        ]
    }

    /// Whether the hosts that the fleet's file names have addresses here.
    private func nameFindings() async -> [Finding] {
        let hosts = MachineFindings.hosts(
            of: await loop.read { controller, _ in controller.fleet })
        let lookups = Lookups(expected: hosts.count)
        // A lookup cannot be called off: who has not answered in time answers to nobody.
        for (what, host) in hosts {
            Task { lookups.answered(host, await Self.nameFinding(what, host)) }
        }
        let answered = await lookups.answers(within: Self.patience)
        return hosts.map { what, host in
            answered[host]
                ?? .failed(
                    "names", "nobody says within \(Self.patience) where \(host) is", subject: what,
                    action: "is the network's DNS up?")
        }
    }

    /// Answers that come one by one, or not.
    private final class Lookups: Sendable {
        private let found = Mutex<[String: Finding]>([:])
        private let isDone = Signal()
        private let expected: Int

        init(expected: Int) { self.expected = expected }

        func answered(_ host: String, _ finding: Finding) {
            let count = found.withLock { found in
                found[host] = finding
                return found.count
            }
            if count == expected { isDone.nudge() }
        }

        func answers(within limit: Duration) async -> [String: Finding] {
            if expected > 0 { await isDone.wait(atMost: limit) }
            return found.withLock { $0 }
        }
    }

    private static func nameFinding(_ what: String, _ host: String) async -> Finding {
        do {
            _ = try await HostResolver.addresses(of: host, on: HostResolver.lookers)
            return .ok("names", "\(host) has an address", subject: what)
        } catch {
            return .failed(
                "names", "\(host) has no address here", subject: what,
                action: "name it in the network's DNS, or in /etc/hosts on every box")
        }
    }

    private func storeFindings() async -> [Finding] {
        let health = loop.health
        guard health.isHealthy else {
            return [
                .failed(
                    "store", health.error ?? "Redis does not answer",
                    action: "look at the disk, and at redis.log in the state folder")
            ]
        }
        let replies = try? await store.store.client.read([
            RedisCommand("INFO"), RedisCommand("CONFIG", "GET", "appendfsync"),
        ])
        guard let text = replies?.first?.text else {
            return [.ok("store", "Redis answers, and says nothing of itself")]
        }
        // An error where the user may not ask, or the command has another name.
        let sync = replies?.last?.array?.last?.text
        return StoreFindings.judge(
            info: text, sync: sync, commit: health.latency?.inSeconds)
    }

    private func objectFinding() async -> Finding {
        let place = folder == nil ? "the object store" : "the folder of outputs"
        return await ObjectFindings.look(objects, place: place)
    }

    private func catalogueFinding() async -> Finding {
        do {
            let count = try await catalogue.count()
            guard catalogue.isComplete else {
                return .warning(
                    "catalogue", "\(count) jobs can be listed, and older ones are being added",
                    action: "wait; if it stays so, the controller's log says why")
            }
            return .ok("catalogue", "\(count) jobs can be listed")
        } catch {
            return .failed(
                "catalogue", "\(error)",
                action: "stop the controller, delete catalogue.sqlite in its state folder, start it"
            )
        }
    }
}
