import FleetCore
import FleetSim
import Foundation
import Testing

/// Scheduling policies: their file, and that a comparison measures something.
@Suite struct PolicyTests {
    @Test func `a file of policies is read`() throws {
        let text = """
            {"b": {"overflow": "never"},
             "a": {"overflow": "backlog", "backlog_factor": 3, "max_roamers": 1,
                   "release_idle_seconds": 60}}
            """
        let policies = try NamedPolicy.read(Data(text.utf8))
        #expect(policies.map(\.name) == ["a", "b"])
        #expect(policies[0].scaling.backlogFactor == 3)
        #expect(policies[0].scaling.maxRoamers == 1)
        #expect(policies[0].scaling.releaseIdle == .seconds(60))
        #expect(policies[1].scaling.overflow == .never)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"a": 1}"#, #"{"a": {"overflow": "always"}}"#,
        #"{"a": {"max_roamers": -1}}"#, #"{"a": {"backlog_factor": 99999999999999999999}}"#,
    ])
    func `a wrong file is refused`(text: String) {
        #expect(throws: NamedPolicy.Mistake.self) { try NamedPolicy.read(Data(text.utf8)) }
    }

    @Test func `without help jobs wait longer and no roamer is away`() async {
        var comparison = PolicyComparison(policies: [
            NamedPolicy(name: "never", scaling: ScalingSpec(overflow: .never)),
            NamedPolicy(name: "busy", scaling: ScalingSpec(overflow: .busy)),
        ])
        comparison.patterns = [.bursts]
        comparison.seeds = 1
        comparison.hours = 1
        let rows = await comparison.run()
        #expect(rows.map(\.violation) == [nil, nil])
        #expect(rows[0].jobs == rows[1].jobs)
        #expect(rows[0].assignments == 0)
        #expect(rows[0].mean > rows[1].mean)
        #expect(rows[1].roamerHours > rows[0].roamerHours)
    }
}
