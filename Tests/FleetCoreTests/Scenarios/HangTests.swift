import FleetCore
import OrderedCollections
import Testing

/// Workers that run and do not answer.
@Suite struct HangTests {
    private func phase(_ w: World) -> WorkerPhase? {
        w.controller.nodes["agx-03"]?.workers.values.first?.phase
    }

    @Test(arguments: [0, 1])
    func `a ready pod that hangs is started anew, and its job is tried as often as it may`(
        retries: Int
    ) {
        let w = World(.small)
        let host = w.host("agx-03")
        let container = host.containers.map(\.id)
        let id = w.submit(JobRequest(kind: .vision, input: "5", retries: retries))
        w.expectRunning(id)
        #expect(w.lastNode(of: id) == "agx-03")
        w.hangWorkers(on: "agx-03")
        w.run(for: .seconds(20))
        #expect(host.containers.map(\.id) == container, "a few answers may be missing")
        #expect(w.state(id) == .running)
        w.expect(within: 20) { host.containers.map(\.id) != container }
        w.expectEnd(id, retries > 0 ? .succeeded : .failed, within: 120)
        let attempts = w.job(id)?.attempts ?? []
        #expect(attempts.count == retries + 1)
        #expect(attempts.first?.state == .failed)
        #expect(attempts.first?.error?.code == .workerDied)
        w.expect(within: 30) { host.containers.count == 1 && phase(w) == .ready }
        #expect(host.containers.map(\.id) != container)
        #expect(w.history(of: id).count { JobState(rawValue: $0)?.isFinal == true } == 1)
        w.expectSound()
    }

    @Test func `a worker that answers again in time is left alone, and so is its work`() {
        let w = World(.small)
        let host = w.host("agx-03")
        let container = host.containers.map(\.id)
        let id = w.submit(.vision, "60")
        w.expectRunning(id)
        // Twice: what was missing before counts no more once it has answered.
        for _ in 0..<2 {
            w.hangWorkers(on: "agx-03")
            w.run(for: .seconds(20))
            w.hangWorkers(on: "agx-03", false)
            w.run(for: .seconds(6))
        }
        w.expectEnd(id, .succeeded)
        #expect(w.job(id)?.attempts.count == 1)
        #expect(host.containers.map(\.id) == container && phase(w) == .ready)
        w.expectSound()
    }
}
