import Testing

@testable import FleetCore

@Suite("A record of the past goes on where nothing has been")
struct RenewalTests {
    private let renewal = Renewal(wallSeconds: 1_796_000_000)

    private func job(_ outcome: Job.Outcome?, attempts: [AttemptState]) -> Job {
        var job = Job(
            id: "j", request: JobRequest(kind: .image), queue: "vision", submittedAt: .zero)
        for (index, state) in attempts.enumerated() {
            var attempt = Attempt(
                number: index + 1, node: "n", worker: nil, roamer: false, hedge: false,
                assignedAt: .zero)
            attempt.state = state
            job.attempts.append(attempt)
        }
        job.ending = outcome.map { Job.Ending(outcome: $0, at: .zero) }
        return job
    }

    @Test("The term is above both records', and above an earlier restore of the same backup")
    func term() {
        #expect(renewal.term(backup: 7, replaced: 9) == 1_796_000_000)
        #expect(renewal.term(backup: 7, replaced: 1_796_000_005) == 1_797_000_005)
        let later = Renewal(wallSeconds: renewal.wallSeconds + 60)
        #expect(later.term(backup: 7, replaced: 0) > renewal.term(backup: 7, replaced: 0) + 10)
        // A clock that is wrong still leaves a margin; the largest number stays.
        #expect(Renewal(wallSeconds: -5).term(backup: 7, replaced: 0) == 1_000_007)
        #expect(renewal.term(backup: .max, replaced: 0) == .max)
    }

    @Test("What may run again gets numbers above all, what cannot stays as it is")
    func numbers() {
        let waiting = renewal.job(job(nil, attempts: []))
        #expect(waiting.nextNumber > 1_000)
        let failed = renewal.job(job(.failed, attempts: [.failed, .failed]))
        #expect(failed.nextNumber > 1_000)
        #expect(Renewal(wallSeconds: 0).job(failed).nextNumber >= failed.nextNumber + 1_000)
        let done = job(.succeeded, attempts: [.succeeded])
        #expect(renewal.job(done) == done)
        #expect(renewal.job(job(nil, attempts: [.lost])).attempts.map(\.number) == [1])
    }

    @Test("What was only assigned is not asked for again")
    func assigned() {
        let states = renewal.job(job(nil, attempts: [.lost, .assigned])).attempts.map(\.state)
        #expect(states == [.lost, .provisioning])
    }

    @Test("Numbers never leave what the wire carries")
    func bounds() {
        let late = Renewal(wallSeconds: .max)
        #expect(late.job(job(nil, attempts: [])).nextNumber < 2_000_000_000)
        var counters = Controller.Counters()
        counters.event = .max
        #expect(late.counters(counters).event == .max)
        counters = renewal.counters(Controller.Counters())
        #expect(counters.event > 1_000_000 && counters.assignment > 1_000_000)
        #expect(counters.cleaning > 1_000_000)
    }
}
