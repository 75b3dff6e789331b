import Testing

@testable import Commands

@Suite struct DescribeTests {
    @Test func aJobShowsItsWay() async throws {
        try await jctl(
            ["describe", "job", Samples.id],
            routes: ["GET /jobs/\(Samples.id)": { _ in .json(Samples.succeeded) }]
        ) { ran, _ in
            #expect(
                ran.out == """
                    Job:        01JD3V5K8Q2M7N4P6R8S0T1V2W
                    Kind:       image (vision)
                    State:      succeeded, on agx-01, 2 outputs
                    Node:       agx-01
                    Priority:   0
                    Input:      {"prompt":"a sunset"}
                    Submitted:  2026-11-23T11:59:30.000Z (30s ago)
                    Started:    2026-11-23T11:59:40.000Z (20s ago)
                    Finished:   2026-11-23T11:59:52.500Z (7.5s ago)

                    Timeline
                      AT            STATE      TOOK  ATTEMPT  NODE
                      11:59:30.000  queued       8s        -  -
                      11:59:38.000  assigned     2s        1  agx-01
                      11:59:40.000  running     13s        1  agx-01
                      11:59:52.500  succeeded     -        -  -

                    Attempts
                      ATTEMPT  STATE      NODE    STARTED   TOOK  EXIT  ERROR
                            1  succeeded  agx-01  11:59:40   13s     0

                    Outputs
                      NAME         TYPE        SIZE
                      picture.png  image/png    9 B
                      caption.txt  text/plain  12 B

                    """)
        }
    }

    @Test func aWaitingJobSaysWhy() async throws {
        try await jctl(
            ["describe", "job", "j"], routes: ["GET /jobs/j": { _ in .json(Samples.queued) }]
        ) { ran, _ in
            #expect(
                ran.out.contains("Waits for:  every vision node is busy, and no roamer is idle"))
            #expect(ran.out.contains("Position:   3\nStarts in:  about 1m34s\n"))
        }
    }

    @Test func theOthersToo() async throws {
        let routes: [String: @Sendable (StubRequest) async -> StubAnswer] = [
            "GET /nodes/agx-01": { _ in .json(Samples.node) },
            "GET /nodes/agx-11": { _ in .json(Samples.roamer) },
            "GET /clusters/vision": { _ in .json(Samples.cluster) },
            "GET /services": { _ in .json(Samples.list(Samples.service)) },
            "GET /templates": { _ in .json(Samples.list(Samples.template)) },
        ]
        let cases = [
            ("node", "agx-01", "Memory:       21/64 GB"),
            ("roamer", "agx-11", "Assigned to:   vision, until 13:00:00"),
            ("cluster", "vision", "Queued:   3 jobs"), ("service", "sdxl-api", "Replicas:  2"),
            ("template", "sdxl-worker", "Startup:   45s"),
        ]
        for (noun, name, fact) in cases {
            try await jctl(["describe", noun, name], routes: routes) { ran, _ in
                #expect(ran.code == 0)
                #expect(ran.out.contains(fact), "\(ran.out)")
                #expect(ran.lines.allSatisfy { $0.displayWidth <= 80 })
            }
        }
        try await jctl(["describe", "template", "sdxl-wroker"], routes: routes) { ran, _ in
            #expect(ran.code == 5)
            #expect(ran.err.contains("did you mean 'sdxl-worker'?"))
        }
        try await jctl(["describe", "node", "agx-01", "-o", "json"], routes: routes) { ran, _ in
            let printed = try JSONParser.parse(ran.out.utf8)
            #expect(printed == (try? JSONParser.parse(Samples.node.utf8)))
        }
    }
}
