import CFleetMessages
import CProtobufC
import FleetCore

// What an agent has observed.

extension Jessica__V1__Report: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__report__init(memory)
    }

    mutating func fill(
        _ value: (sequence: UInt64, report: Report?), _ arena: borrowing Arena
    ) throws(WireError) {
        unsafe sequence = value.sequence
        switch value.report {
        case .worker(let report):
            unsafe worker = try arena.make(report, "Report.worker")
            unsafe what_case = JESSICA__V1__REPORT__WHAT_WORKER
        case .attempt(let report):
            unsafe attempt = try arena.make(report, "Report.attempt")
            unsafe what_case = JESSICA__V1__REPORT__WHAT_ATTEMPT
        case .cleaned(let report):
            unsafe cleaned = try arena.make(report, "Report.cleaned")
            unsafe what_case = JESSICA__V1__REPORT__WHAT_CLEANED
        case nil:
            throw WireError(.missing, "Report.what", "it is required")
        }
    }

    /// The report; nil inside when it is of a newer version.
    func decoded() throws(WireError) -> (sequence: UInt64, report: Report?) {
        try unsafe (sequence, what())
    }

    /// The union as an enum; which member is valid is known here only.
    private func what() throws(WireError) -> Report? {
        switch unsafe what_case {
        case JESSICA__V1__REPORT__WHAT_WORKER:
            .worker(try unsafe Read.required(worker, "Report.worker"))
        case JESSICA__V1__REPORT__WHAT_ATTEMPT:
            .attempt(try unsafe Read.required(attempt, "Report.attempt"))
        case JESSICA__V1__REPORT__WHAT_CLEANED:
            .cleaned(try unsafe Read.required(cleaned, "Report.cleaned"))
        default: nil
        }
    }
}

extension Jessica__V1__WorkerReport: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__worker_report__init(memory)
    }

    mutating func fill(_ value: WorkerReport, _ arena: borrowing Arena) throws(WireError) {
        unsafe id = try arena.text(value.id.rawValue, .name, "WorkerReport.id")
        unsafe phase = value.phase.wire
        unsafe progress = try arena.make(value.progress, "WorkerReport.progress")
        unsafe error = try arena.make(value.error, "WorkerReport.error")
        unsafe image = try arena.text(value.image, .imageOrNone, "WorkerReport.image")
        unsafe restarts = value.restarts
    }

    func decoded() throws(WireError) -> WorkerReport {
        try unsafe WorkerReport(
            id: WorkerID(Read.text(id, .name, "WorkerReport.id")),
            phase: WorkerPhase(wire: phase),
            progress: Read.optional(progress),
            error: Read.optional(error),
            image: Read.text(image, .imageOrNone, "WorkerReport.image"),
            restarts: restarts)
    }
}

extension Jessica__V1__AttemptReport: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__attempt_report__init(memory)
    }

    mutating func fill(_ value: AttemptReport, _ arena: borrowing Arena) throws(WireError) {
        unsafe key = try arena.make(value.key, "AttemptReport.key")
        unsafe phase = value.phase.wire
        unsafe progress = try arena.make(value.progress, "AttemptReport.progress")
        unsafe error = try arena.make(value.error, "AttemptReport.error")
        unsafe exit_code = try arena.make(value.exitCode, "AttemptReport.exitCode")
        unsafe n_outputs = value.outputs.count
        unsafe outputs = try arena.makeList(value.outputs, "AttemptReport.outputs")
    }

    func decoded() throws(WireError) -> AttemptReport {
        try unsafe AttemptReport(
            key: Read.required(key, "AttemptReport.key"),
            phase: AttemptPhase(wire: phase),
            progress: Read.optional(progress),
            outputs: Read.list(outputs, n_outputs, "AttemptReport.outputs"),
            error: Read.optional(error),
            exitCode: Read.optional(exit_code))
    }
}

extension Jessica__V1__CleanReport: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__clean_report__init(memory)
    }

    mutating func fill(_ value: CleanReport, _ arena: borrowing Arena) throws(WireError) {
        unsafe order = value.order
        unsafe n_leftovers = value.leftovers.count
        unsafe leftovers = try arena.texts(value.leftovers, .words, "CleanReport.leftovers")
    }

    func decoded() throws(WireError) -> CleanReport {
        try unsafe CleanReport(
            order: order,
            leftovers: Read.texts(leftovers, n_leftovers, .words, "CleanReport.leftovers"))
    }
}
