import FleetCore
import Testing

extension World {
    /// Expects that no invariant was broken.
    func expectSound(_ location: SourceLocation = #_sourceLocation) {
        #expect(checker.violations == [], "\(tail())", sourceLocation: location)
    }

    /// Waits until the job has ended, and expects how.
    func expectEnd(
        _ id: JobID, _ state: JobState, within seconds: Int = 60,
        _ location: SourceLocation = #_sourceLocation
    ) {
        let ended = run(within: seconds) { self.state(id)?.isFinal == true }
        #expect(ended, "\(id) has not ended\n\(tail())", sourceLocation: location)
        #expect(self.state(id) == state, "\(tail())", sourceLocation: location)
    }

    /// Waits until something holds, and expects it.
    func expect(
        within seconds: Int, _ location: SourceLocation = #_sourceLocation,
        _ holds: () -> Bool
    ) {
        let held = run(within: seconds, until: holds)
        #expect(held, "\(tail())", sourceLocation: location)
    }

    /// Waits until the job runs.
    func expectRunning(_ id: JobID, _ location: SourceLocation = #_sourceLocation) {
        expect(within: 30, location) { self.state(id) == .running }
    }

    /// The node of the job's last attempt.
    func lastNode(of id: JobID) -> NodeName { job(id)?.attempts.last?.node ?? "none" }

    /// Cuts a node off: the controller sees the link break, and no new one is made.
    func cutOff(_ name: NodeName, for seconds: Double) {
        loseLink(name, controllerSees: true)
        partition(name, for: seconds)
    }

    /// The container of a worker dies.
    func killWorkers(on name: NodeName) {
        let host = host(name)
        for index in host.containers.indices where host.containers[index].isRunning {
            host.containers[index].die(137)
            plan(.agent(name, .ended(host.containers[index].fact), life: host.life))
        }
    }

    /// The workers of a node run on and answer nobody, or do so again.
    func hangWorkers(on name: NodeName, _ hang: Bool = true) {
        note("\(name): its workers \(hang ? "hang" : "go on")")
        let host = host(name)
        for index in host.containers.indices { host.containers[index].hangs = hang }
    }

    func assign(
        _ name: NodeName, _ target: AssignmentRequest.Target, _ mode: AssignmentRequest.Mode
    ) -> Reply? {
        answer { .assign($0, name, AssignmentRequest(target: target, mode: mode)) }
    }

    /// How many pieces of work run anywhere for a job.
    func copies(of id: JobID) -> Int {
        hosts.values.reduce(0) { sum, host in
            sum
                + host.containers.filter(\.isRunning).reduce(0) {
                    $0 + $1.work.keys.count { $0.job == id }
                }
        }
    }
}

extension Reply? {
    /// The words of a refusal.
    var refusalText: String? {
        if case .refused(let refusal) = self { return refusal.message }
        return nil
    }
    /// The code of a refusal.
    var refusal: Refusal.Code? {
        if case .refused(let refusal) = self { return refusal.code }
        return nil
    }
}
