import FleetCore
import Foundation
import Settings
import Testing

@testable import ControlPlane

@Suite struct FleetLimitsTests {
    private static let base = FleetFileTests.example

    private func parse(_ limits: String) -> (spec: FleetSpec?, mistakes: [String]) {
        let parsed = FleetFile.parse(text: Self.base + "\n" + limits, name: "cluster.yaml")
        return (parsed.spec, parsed.mistakes.map(\.description))
    }

    @Test func everyLimitIsRead() throws {
        let (spec, mistakes) = parse(
            """
            limits:
              submitters:
                alice: {weight: 2, max_running: 4, max_jobs: 1000, rate: 60/m}
                default: {max_jobs: 20000, rate: 1/h}
                bob@home.lan:
              labels:
                project=film: {max_running: 2, weight: 3}
                "a=b=c": {max_running: 1}
            """)
        #expect(mistakes == [])
        #expect(
            spec?.limits == [
                LimitSpec(
                    subject: .submitter("alice"), weight: 2, maxRunning: 4, maxOpen: 1000,
                    rate: .init(count: 60, per: .seconds(60))),
                LimitSpec(
                    subject: .everySubmitter, maxOpen: 20000,
                    rate: .init(count: 1, per: .seconds(3600))),
                LimitSpec(subject: .submitter("bob@home.lan")),
                LimitSpec(
                    subject: .label(.init(key: "project", value: "film")), weight: 3, maxRunning: 2),
                LimitSpec(subject: .label(.init(key: "a", value: "b=c")), maxRunning: 1),
            ])
    }

    @Test(arguments: [
        ("limits: [a]", "limits: must be a mapping"),
        ("limits: {people: {}}", "limits.people: unknown key"),
        ("limits: {submitters: {a b: {}}}", "limits.submitters.a b: the name must be"),
        ("limits: {submitters: {a: {weight: 0}}}", "limits.submitters.a.weight: must be"),
        (
            "limits: {submitters: {a: {max_running: many}}}",
            "limits.submitters.a.max_running: must be"
        ),
        ("limits: {submitters: {a: {rate: 60}}}", "limits.submitters.a.rate: must be like 60/m"),
        ("limits: {submitters: {a: {rate: 0/s}}}", "limits.submitters.a.rate: must be like 60/m"),
        ("limits: {submitters: {a: {max_open: 3}}}", "limits.submitters.a.max_open: unknown key"),
        (
            "limits: {labels: {film: {max_running: 1}}}",
            "limits.labels.film: must be a label, NAME=VALUE"
        ),
        ("limits: {labels: {a=b: {rate: 1/s}}}", "limits.labels.a=b.rate: unknown key"),
    ])
    func aMistakeIsOneLine(text: String, mistake: String) {
        let mistakes = parse(text).mistakes
        #expect(mistakes.count == 1)
        #expect(mistakes.first?.contains(mistake) == true, "\(mistakes)")
    }

    @Test func aChangeIsNamed() throws {
        let before = try #require(
            parse("limits: {submitters: {a: {max_running: 1}, b: {rate: 1/s}}}").spec)
        let after = try #require(
            parse("limits: {submitters: {a: {max_running: 2}}, labels: {x=y: {weight: 2}}}").spec)
        #expect(
            FleetDiff.between(old: before, new: after).map(\.description) == [
                "~ limits.submitters.a.max_running: 1 → 2", "+ limits.labels.x=y: weight 2",
                "- limits.submitters.b: rate 1 in 1 s",
            ])
    }

    @Test func aFleetStoredBeforeThereWereLimitsIsRead() throws {
        var spec = try #require(parse("").spec)
        var json = try #require(
            try JSONSerialization.jsonObject(with: JSONEncoder().encode(spec)) as? [String: Any])
        #expect(json["limits"] == nil)
        json["limits"] = nil
        let old = try JSONSerialization.data(withJSONObject: json)
        #expect(try JSONDecoder().decode(FleetSpec.self, from: old) == spec)
        spec.limits = [LimitSpec(subject: .everySubmitter, maxRunning: 1)]
        let back = try JSONDecoder().decode(FleetSpec.self, from: JSONEncoder().encode(spec))
        #expect(back == spec)
    }
}
