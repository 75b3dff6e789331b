import FleetCore
import OrderedCollections

/// Checks on what waits for what, and on who may have how much.
extension Checker {
    /// A job begins: it was its turn.
    mutating func checkTurn(_ world: World, _ machine: Controller, _ job: Job) {
        for other in job.request.after {
            let ending = (machine.jobs[other.job] ?? world.store.jobs[other.job])?.ending
            if ending?.outcome != .succeeded {
                violate(world, .order, "\(job.id) begins before \(other.job) has succeeded")
            }
        }
        // A second copy adds nothing to what runs.
        guard job.active.count == 1 else { return }
        let running = Set(machine.nodes.values.flatMap { $0.attempts.map(\.job) })
            .compactMap { machine.jobs[$0] }
        func check(_ most: Int?, _ whose: String, _ belongs: (Job) -> Bool) {
            guard let most, belongs(job) else { return }
            let count = running.count(where: belongs)
            if count > most {
                violate(world, .limits, "\(whose) has \(count) of \(most) jobs running")
            }
        }
        let named = Set(
            machine.fleet.limits.compactMap { limit -> SubmitterName? in
                if case .submitter(let name) = limit.subject { name } else { nil }
            })
        let asker = job.request.submittedBy
        for limit in machine.fleet.limits {
            switch limit.subject {
            case .submitter(let name):
                check(limit.maxRunning, "\(name)") { $0.request.submittedBy == name }
            case .everySubmitter:
                guard !named.contains(asker) else { continue }
                check(limit.maxRunning, "\(asker)") { $0.request.submittedBy == asker }
            case .label(let label):
                check(limit.maxRunning, "\(label.key)=\(label.value)") {
                    $0.request.labels.contains(label)
                }
            }
        }
        if let id = job.request.place?.plan {
            check(machine.plan(id)?.maxRunning, "plan \(id)") { $0.request.place?.plan == id }
        }
    }

    /// Every plan has ended, as its jobs did.
    mutating func plansAtRest(_ world: World, _ machine: Controller) {
        for id in acceptedPlans.sorted() {
            guard let plan = machine.plan(id) ?? world.store.plans[id] else {
                violate(world, .jobKept, "plan \(id) is lost")
                continue
            }
            guard let outcome = plan.ending?.outcome else {
                violate(world, .comesToRest, "plan \(id) has not ended")
                continue
            }
            let jobs = plan.jobs.compactMap { machine.jobs[$0] ?? world.store.jobs[$0] }
            let outcomes = jobs.compactMap { $0.ending?.outcome }
            let isWhole = outcomes.allSatisfy { $0 == .succeeded }
            if (outcome == .succeeded) != isWhole
                || (outcome == .failed) != outcomes.contains(.failed)
            {
                violate(world, .order, "plan \(id) has \(outcome) with \(outcomes)")
            }
            for job in jobs { checkEnd(world, plan, job, jobs) }
        }
        acceptedPlans = []
    }

    /// A job of a plan ended as those before it and the plan's rule say.
    private mutating func checkEnd(_ world: World, _ plan: Plan, _ job: Job, _ jobs: [Job]) {
        let before = job.request.after.map { other in jobs.first { $0.id == other.job } }
        let isBroken = before.contains { $0?.ending?.outcome != .succeeded }
        if isBroken, job.ending?.outcome != .cancelled {
            violate(
                world, .order, "\(job.id) has \(job.state) where what it waits for did not succeed")
        }
        switch job.ending?.error?.code {
        case FailureCode.prerequisiteFailed where !isBroken:
            violate(world, .order, "\(job.id) was given up, and all it waited for succeeded")
        case FailureCode.planStopped where plan.onFailure == .continue:
            violate(world, .order, "\(job.id) was stopped by a plan that goes on")
        default: break
        }
    }
}
