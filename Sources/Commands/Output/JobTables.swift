import Foundation

/// Jobs as tables.
enum JobTables {
    /// The list; every waiting job says why it waits, its position and when it may start.
    static func jobs(_ jobs: [Job], now: Date) -> Table {
        Table(
            columns: [
                .init("ID"), .init("KIND", shrinksTo: 6), .init("STATE", isState: true),
                .init("CLUSTER", isWide: true), .init("NODE", isWide: true),
                .init("PRIORITY", isNumber: true, isWide: true),
                .init("ATTEMPT", isNumber: true, isWide: true),
                .init("TOOK", isNumber: true, isWide: true, isVolatile: true),
                .init("AGE", isNumber: true, isVolatile: true),
                .init("DETAIL", shrinksTo: 12, wraps: true),
            ],
            rows: jobs.map { job in
                [
                    job.id, job.kind ?? "-", job.state ?? "-", job.cluster ?? "-", job.node ?? "-",
                    "\(job.priority ?? 0)", job.attempt.map(String.init) ?? "-",
                    job.startedAt == nil
                        ? "-" : Humane.span(job.startedAt, job.finishedAt, now: now),
                    Humane.span(job.submittedAt, nil, now: now), JobText.detail(job),
                ]
            })
    }

    /// A job's attempts.
    static func attempts(_ attempts: [Job.Attempt], now: Date) -> Table {
        Table(
            columns: [
                .init("ATTEMPT", isNumber: true), .init("STATE", isState: true), .init("NODE"),
                .init("STARTED"), .init("TOOK", isNumber: true), .init("EXIT", isNumber: true),
                .init("ERROR", shrinksTo: 16, wraps: true),
            ],
            rows: attempts.map { attempt in
                [
                    attempt.attempt.map(String.init) ?? "-", attempt.state ?? "-",
                    attempt.node ?? "-", attempt.startedAt?.clock.prefix(8).description ?? "-",
                    attempt.startedAt == nil
                        ? "-" : Humane.span(attempt.startedAt, attempt.finishedAt, now: now),
                    attempt.exitCode.map(String.init) ?? "-",
                    attempt.error?.message ?? attempt.error?.code ?? "",
                ]
            })
    }

    /// The states a job went through, with how long each took.
    static func timeline(_ steps: [Job.Step], finishedAt: Timestamp?, now: Date) -> Table {
        Table(
            columns: [
                .init("AT"), .init("STATE", isState: true), .init("TOOK", isNumber: true),
                .init("ATTEMPT", isNumber: true), .init("NODE"),
            ],
            rows: steps.enumerated().map { index, step in
                let next = index + 1 < steps.count ? steps[index + 1].at : nil
                let isLast = index + 1 == steps.count
                let took =
                    step.durationSeconds.map { Humane.duration($0) }
                    ?? (isLast && finishedAt != nil ? "-" : Humane.span(step.at, next, now: now))
                return [
                    step.at?.clock ?? "-", step.state ?? "-", took,
                    step.attempt.map(String.init) ?? "-", step.node ?? "-",
                ]
            })
    }
}

/// Outputs as tables.
enum OutputTables {
    /// A job's outputs.
    static func outputs(_ outputs: [Job.Output]) -> Table {
        Table(
            columns: [.init("NAME", shrinksTo: 16), .init("TYPE"), .init("SIZE", isNumber: true)],
            rows: outputs.map { [$0.name, $0.contentType ?? "-", Humane.bytes($0.size)] })
    }
}
