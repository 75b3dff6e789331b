import CFleetMessages
import CProtobufC
import FleetCore

// What a node shall run.

extension Jessica__V1__Assignments: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__assignments__init(memory)
    }

    mutating func fill(_ value: Assignments, _ arena: borrowing Arena) throws(WireError) {
        unsafe term = value.term
        unsafe applies_to = try arena.make(value.appliesTo, "Assignments.appliesTo")
        unsafe results_in = value.resultsIn
        unsafe cleaning = value.cleaning
        unsafe n_workers = value.workers.count
        unsafe workers = try arena.makeList(value.workers, "Assignments.workers")
        unsafe n_removed_workers = value.removedWorkers.count
        unsafe removed_workers = try arena.texts(
            value.removedWorkers.lazy.map(\.rawValue), .name, "Assignments.removedWorkers")
        unsafe n_attempts = value.attempts.count
        unsafe attempts = try arena.makeList(value.attempts, "Assignments.attempts")
        unsafe n_removed_attempts = value.removedAttempts.count
        unsafe removed_attempts = try arena.makeList(
            value.removedAttempts, "Assignments.removedAttempts")
    }

    func decoded() throws(WireError) -> Assignments {
        try unsafe Assignments(
            term: term,
            appliesTo: Read.optional(applies_to),
            resultsIn: results_in,
            workers: Read.list(workers, n_workers, "Assignments.workers"),
            removedWorkers: Read.texts(
                removed_workers, n_removed_workers, .name, "Assignments.removedWorkers"
            ).map { WorkerID($0) },
            attempts: Read.list(attempts, n_attempts, "Assignments.attempts"),
            removedAttempts: Read.list(
                removed_attempts, n_removed_attempts, "Assignments.removedAttempts"),
            cleaning: cleaning)
    }
}

extension Jessica__V1__Acknowledged: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__acknowledged__init(memory)
    }
    mutating func fill(_ value: UInt64, _ arena: borrowing Arena) { unsafe sequence = value }
    func decoded() -> UInt64 { unsafe sequence }
}
