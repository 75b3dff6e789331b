import Testing

@testable import Commands

@Suite struct TopFleetTests {
    private func fleet() throws -> TopFleet {
        var fleet = TopFleet()
        fleet.take(try TopSamples.reading())
        return fleet
    }

    @Test func anEventMovesAJobAtOnce() throws {
        var fleet = try fleet()
        let id = fleet.jobs[1].id
        let stale = fleet.take([
            try TopSamples.event(1, "job.state", job: id, node: "agx-02", to: "running")
        ])
        #expect(fleet.jobs[1].state == "running" && fleet.jobs[1].node == "agx-02")
        #expect(stale == [.jobs, .summary, .clusters])
    }

    @Test func aNewJobIsThereBeforeItIsRead() throws {
        var fleet = try fleet()
        _ = fleet.take([try TopSamples.event(1, "job.state", job: "new", to: "queued")])
        #expect(fleet.jobs.map(\.id).contains("new"))
        _ = fleet.take(
            try (0..<TopFleet.jobsMax + 10).map {
                try TopSamples.event(2, "job.state", job: "j\($0)", to: "queued")
            })
        #expect(fleet.jobs.count == TopFleet.jobsMax)
    }

    @Test func anEventMovesNodesAndRoamers() throws {
        var fleet = try fleet()
        let stale = fleet.take([
            try TopSamples.event(1, "node.state", node: "agx-01", to: "suspect"),
            try TopSamples.event(2, "roamer.state", node: "agx-12", to: "ASSIGNED", reason: "why"),
        ])
        #expect(fleet.nodes[0].state == "suspect")
        #expect(fleet.nodes[3].roamer?.state == "ASSIGNED")
        #expect(fleet.nodes[3].roamer?.reason == "why")
        #expect(stale == [.nodes, .summary, .clusters])
        // A word that is no state of a node does not become its state.
        _ = fleet.take([try TopSamples.event(3, "node.state", node: "agx-01", to: "cordoned")])
        #expect(fleet.nodes[0].state == "suspect")
        let applied = try TopSamples.event(4, "fleet.applied", to: "7")
        #expect(fleet.take([applied]) == [.summary, .clusters, .nodes, .jobs])
    }

    @Test func eventsAreBounded() throws {
        var fleet = TopFleet()
        for number in stride(from: 1, to: 5_000, by: 500) {
            let some = try (number..<number + 500).map {
                try TopSamples.event($0, "token", to: "x")
            }
            _ = fleet.take(some)
        }
        #expect(fleet.events.count == TopFleet.eventsMax && fleet.events.last?.seq == 5_000)
        // The past does not double what is there.
        fleet = TopFleet()
        _ = fleet.take([try TopSamples.event(3, "token", to: "x")])
        fleet.takePast(try (1...4).map { try TopSamples.event($0, "token", to: "x") })
        #expect(fleet.events.map(\.seq) == [1, 2, 3])
    }
}
