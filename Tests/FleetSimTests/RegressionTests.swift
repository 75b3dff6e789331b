import FleetSim
import Foundation
import Testing

/// Scenarios that once found a bug, shrunk to what it needs; the file's name says what it was.
@Suite struct RegressionTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Regressions")

    private static let files: [String] = {
        let all = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
        return (all ?? []).filter { $0.hasSuffix(".json") }.sorted()
    }()

    @Test func `there are scenarios to run`() { #expect(!Self.files.isEmpty) }

    @Test(arguments: files) func `a scenario that once failed does not fail again`(file: String)
        throws
    {
        let data = try Data(contentsOf: Self.folder.appendingPathComponent(file))
        let scenario = try JSONDecoder().decode(Scenario.self, from: data)
        #expect(Simulation.run(scenario).violation == nil)
    }

    @Test func `some seeds of another size hold`() async {
        var campaign = Campaign(seeds: 900..<904)
        campaign.nodes = 40
        #expect(await campaign.run().violations.isEmpty)
    }
}
