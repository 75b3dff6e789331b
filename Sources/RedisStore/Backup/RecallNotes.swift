package import FleetCore
import Synchronization

/// What the machine takes back of the past while an archive is written, as the record had it before.
///
/// It is noted before anything of it can change, so whoever reads a past record and then looks here knows what
/// it was when the notes began.
package final class RecallNotes: Sendable {
    private struct Notes {
        var jobs: [JobID: Job] = [:]
        var plans: [PlanID: Plan] = [:]
    }

    private let notes = Mutex<Notes?>(nil)

    /// Notes that have not begun.
    package init() {}

    /// Begins anew.
    package func begin() { notes.withLock { $0 = Notes() } }

    /// Ends them: nothing is noted any more.
    package func end() { notes.withLock { $0 = nil } }

    /// Notes what the machine is about to take back; of what it took back twice, what it was at first.
    package func note(_ recalled: Recalled) {
        notes.withLock { notes in
            for job in recalled.jobs where job.ending != nil && notes?.jobs[job.id] == nil {
                notes?.jobs[job.id] = job
            }
            if let plan = recalled.plan, plan.ending != nil, notes?.plans[plan.id] == nil {
                notes?.plans[plan.id] = plan
            }
        }
    }

    /// The jobs so far.
    var jobs: [JobID: Job] { notes.withLock { $0?.jobs ?? [:] } }

    /// The plans so far.
    var plans: [PlanID: Plan] { notes.withLock { $0?.plans ?? [:] } }
}
