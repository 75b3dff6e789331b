import Foundation
import Testing

@testable import Commands

@Suite struct ModelTests {
    private func decode<Model: Decodable>(_ type: Model.Type, _ text: String) throws -> Model {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }

    @Test func modelsReadTheSamples() throws {
        let job = try decode(Job.self, Samples.succeeded)
        #expect(job.outputs?.map(\.name) == ["picture.png", "caption.txt"])
        #expect(job.timeline?.first?.durationSeconds == 8)
        #expect(job.attempts?.first?.exitCode == 0)
        #expect(try decode(Job.self, Samples.queued).queuePosition == 3)
        let node = try decode(Node.self, Samples.roamer)
        #expect(node.roamer?.assignment?.limit == "until 13:00:00")
        #expect(node.roamer?.progress?.text == "pulling 2.1/5.2 GB")
        #expect(node.roamer?.progress?.number == 0.4)
        #expect(try decode(Cluster.self, Samples.cluster).nodes?.count == 2)
        #expect(try decode(Cluster.self, #"{"name":"x","nodes":4,"roamers":0}"#).nodes?.text == "4")
        #expect(try decode(Workload.self, Samples.service).memoryText == "18 GB")
        #expect(try decode(Summary.self, Samples.summary).jobs?["queued"] == 3)
        #expect(try decode(Event.self, Samples.event(3)).seq == 3)
    }

    @Test func almostEverythingMayBeMissing() throws {
        #expect(try decode(Job.self, #"{"id":"x"}"#).isEnded == false)
        #expect(try decode(Node.self, #"{"name":"x"}"#).condition == "unknown")
        // A node that nobody has heard of lately takes no work, and nobody has cordoned it.
        let silent = #"{"name":"x","state":"suspect","schedulable":false,"cordoned":false}"#
        #expect(try decode(Node.self, silent).condition == "suspect")
        #expect(try decode(Event.self, "{}").seq == nil)
        #expect(try decode(Summary.self, "{}").jobs == nil)
        #expect(try decode(FleetChanges.self, "{}").changes == nil)
        #expect(try decode(ServerFailure.self, #"{"error":{}}"#).error.code == nil)
        #expect(throws: DecodingError.self) { try decode(Job.self, "{}") }
        let style = Style(isTerminal: false, environment: [:], refused: true)
        let describer = Describer(width: 80, style: style, now: FakeTime.noon)
        #expect(!describer.job(try decode(Job.self, #"{"id":"x"}"#), input: nil).isEmpty)
        #expect(!describer.node(try decode(Node.self, #"{"name":"x"}"#)).isEmpty)
    }

    @Test func looseValuesAreReadAsTheyAre() throws {
        func loose(_ text: String) throws -> Loose? { try decode([Loose].self, "[\(text)]").first }
        #expect(try loose("3")?.text == "3")
        #expect(try loose("0.5")?.number == 0.5)
        #expect(try loose("\"a\"")?.text == "a")
        #expect(try loose("true")?.text == "true")
        #expect(try loose("null")?.text == nil)
        #expect(try loose("[1]")?.text == nil)
        #expect(try loose(#"{"fraction":0.25}"#)?.text == "25%")
    }

    @Test func extremeNumbersDoNotTrap() throws {
        let job = try decode(
            Job.self,
            """
            {"id":"x","state":"queued","queuePosition":9223372036854775807,"etaSeconds":1e300,\
            "submittedAt":"0000-01-01T00:00:00Z","progress":{"fraction":-1e300},\
            "outputs":[{"name":"a","size":1e300}]}
            """)
        let style = Style(isTerminal: false, environment: [:], refused: true)
        _ = JobTables.jobs([job], now: FakeTime.noon).lines(width: 80, style: style)
        _ = Describer(width: 80, style: style, now: FakeTime.noon).job(job, input: nil)
        #expect(JobText.progress(job) == ["0%"])
        let node = try decode(
            Node.self,
            #"{"name":"n","telemetry":{"cpu":1e308,"memoryUsed":-1e300,"memoryTotal":1e308}}"#)
        _ = NodeTables.nodes([node], now: FakeTime.noon).lines(width: 80, style: style)
    }
}
