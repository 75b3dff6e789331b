import ArgumentParser
import Foundation
import Settings
import Testing

@testable import ControlPlane

@Suite struct ControllerSettingsTests {
    private func load(_ yaml: String) throws -> (ControllerSettings?, [String]) {
        let outcome = ControllerSettings.source.resolve(
            file: SettingsText(name: "controller.yaml", text: yaml))
        let settings = try #require(outcome.settings, "\(outcome.mistakes)")
        let (result, mistakes) = ControllerSettings.load(settings)
        return (result, mistakes.map(\.description))
    }

    @Test func defaultsAreTheContracts() throws {
        let settings = try #require(try load("{}").0)
        #expect(settings.link == .init(host: "0.0.0.0", port: 7443))
        #expect(settings.api == .init(host: "0.0.0.0", port: 8443))
        #expect(
            settings.liveness
                == .init(heartbeat: .seconds(5), stopAfter: .seconds(30), lostAfter: .seconds(45)))
        #expect(settings.redisURL == nil)
        #expect(settings.storageKeys == nil)
        #expect(settings.fleetFile == nil)
    }

    @Test(arguments: [
        ("{}", "https://spark:8443"), ("api: {host: '::'}", "https://spark:8443"),
        ("api: {host: 127.0.0.1, port: 9}", "https://127.0.0.1:9"),
        ("api: {host: 'fd00::1'}", "https://[fd00::1]:8443"),
        ("public_host: spark.lan", "https://spark.lan:8443"),
        ("{public_host: 192.168.1.2, api: {host: 10.0.0.2}}", "https://192.168.1.2:8443"),
    ])
    func agentsAreToldAnAddressThatTheyCanReach(_ yaml: String, _ address: String) throws {
        let settings = try #require(try load(yaml).0)
        #expect(settings.publicAddress(hostName: "spark") == address)
        // The certificate must be good for a name that only the settings know.
        #expect(settings.serverNames == [settings.publicHost].compactMap(\.self))
    }

    @Test func contradictionsAreNamed() throws {
        let yaml =
            "link: {heartbeat: 5s, stop_after: 6s,\n lost_after: 6s}\nstorage: {access_key: a}\n"
        #expect(
            try load(yaml).1 == [
                "controller.yaml:1: link.stop_after: must be at least twice link.heartbeat",
                "controller.yaml:2: link.lost_after: must be longer than link.stop_after",
                "controller.yaml:3: storage.access_key: needs storage.secret_key too",
            ])
    }

    @Test func failoverNeedsASharedRedisAndTimeForIt() throws {
        #expect(try load("{}").0?.failover == false)
        let fine = "failover: true\nredis: {url: redis://spark}\n"
        #expect(try load(fine).0?.failover == true)
        #expect(
            try load(fine + "link: {stop_after: 30s, lost_after: 39s}\n").1 == [
                "controller.yaml:3: link.lost_after: must be at least 10s longer than "
                    + "link.stop_after when failover is on"
            ])
        #expect(try load(fine + "link: {stop_after: 30s, lost_after: 40s}\n").1 == [])
        #expect(
            try load("failover: true\n").1 == [
                "controller.yaml:1: failover: needs redis.url: nobody else reaches a private Redis"
            ])
    }

    @Test func backupsMakeThemselvesUnlessTheyShallNot() throws {
        let standard = try #require(try load("{}").0)
        #expect(standard.backupEvery == .seconds(86_400) && standard.keepBackups == 14)
        let own = try #require(try load("backups: {every: 10m, keep: 1000}\n").0)
        #expect(own.backupEvery == .seconds(600) && own.keepBackups == 1_000)
        let never = try #require(try load("backups: {every: 0s}\n").0)
        #expect(never.backupEvery == nil)
        // It looks no more often.
        #expect(
            try load("backups:\n  every: 9m\n").1 == [
                "controller.yaml:2: backups.every: must be 0s, or 10m and more"
            ])
        for keep in [0, 1_001] {
            let outcome = ControllerSettings.source.resolve(
                file: SettingsText(name: "controller.yaml", text: "backups: {keep: \(keep)}\n"))
            #expect(outcome.settings == nil && outcome.mistakes.count == 1)
        }
    }

    @Test func outputsAreKeptForEverOrWhileTheirJobsAreListed() throws {
        for (yaml, days) in [
            ("{}", nil), ("outputs: {keep: 0s}", nil), ("outputs: {keep: 30d}", 30),
            ("outputs: {keep: 3650d}", 3_650),
        ] as [(String, Int64?)] {
            let settings = try #require(try load(yaml).0)
            let keep: Duration? = days.map { .seconds($0 * 86_400) }
            #expect(settings.keepOutputs == keep, "\(yaml)")
        }
        #expect(
            try load("outputs:\n  keep: 29d\n").1 == [
                "controller.yaml:2: outputs.keep: must be at least 30d, as ended jobs are listed "
                    + "for so long; 0s: for ever"
            ])
        let long = ControllerSettings.source.resolve(
            file: SettingsText(name: "controller.yaml", text: "outputs: {keep: 3651d}"))
        #expect(long.settings == nil)
    }

    @Test func hostsOfWebhooksAreChecked() throws {
        #expect(try load("webhooks: {hosts: [hooks.example.org, '*.example.net']}\n").1 == [])
        #expect(
            try load("webhooks:\n  hosts: ['*.*']\n").1 == [
                "controller.yaml:2: webhooks.hosts: `*.*` is no host, and not like *.example.org"
            ])
        let settings = try load("webhooks: {hosts: [hooks.example.org]}\n").0
        let rules = try #require(settings).webhookRules
        try rules.check(try WebhookTarget("https://hooks.example.org/"))
        let other = try WebhookTarget("https://example.com/")
        #expect(throws: WebhookRefusal.self) { try rules.check(other) }
    }

    @Test func thePackagedFileNamesEverySetting() throws {
        let file = (0..<4).reduce(URL(filePath: #filePath)) { url, _ in
            url.deletingLastPathComponent()
        }.appending(path: "Scripts/package.d/controller/controller.yaml")
        // Without the `#` of settings; words have a space behind it.
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            .map {
                $0.hasPrefix("#") && !$0.hasPrefix("# ") || $0.hasPrefix("#  ")
                    ? $0.dropFirst() : $0
            }
            .filter { !$0.hasPrefix("#") }
        #expect(try load(lines.joined(separator: "\n")).1 == [])
        var named: Set<String> = []
        var group = ""
        for line in lines {
            let key = line.prefix { $0 != ":" }.drop { $0 == " " }
            if line.hasPrefix(" ") {
                named.insert("\(group).\(key)")
            } else {
                group = String(key)
                named.insert(group)
            }
        }
        for spec in ControllerSettings.source.specs where spec.inFile {
            #expect(named.contains(spec.key), "\(spec.key)")
        }
    }

    @Test func helpFitsATerminal() {
        let help = ControllerCommand.Run.helpMessage(columns: 80)
        #expect(help.contains(ControllerSettings.source.describe()), "it was wrapped again")
        for line in help.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
    }
}
