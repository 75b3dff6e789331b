import Foundation

/// Plans and tokens as tables.
enum PlanTables {
    /// The list.
    static func plans(_ plans: [WorkPlan], now: Date) -> Table {
        Table(
            columns: [
                .init("ID"), .init("NAME", shrinksTo: 8), .init("STATE", isState: true),
                .init("SUBMITTER", isWide: true), .init("ON FAILURE", isWide: true),
                .init("TOOK", isNumber: true, isWide: true, isVolatile: true),
                .init("AGE", isNumber: true, isVolatile: true),
                .init("DETAIL", shrinksTo: 12, wraps: true),
            ],
            rows: plans.map { plan in
                [
                    plan.id, plan.name ?? "-", plan.state ?? "-", plan.submitter ?? "-",
                    plan.onFailure ?? "-",
                    Humane.span(plan.submittedAt, plan.finishedAt, now: now),
                    Humane.span(plan.submittedAt, nil, now: now), plan.situation,
                ]
            })
    }

    /// The steps of one, each after those it waits for.
    static func steps(_ steps: [WorkPlan.Step]) -> Table {
        Table(
            columns: [
                .init("STEP", shrinksTo: 8), .init("STATE", isState: true), .init("KIND"),
                .init("JOB"), .init("AFTER", shrinksTo: 8, isWide: true),
                .init("DETAIL", shrinksTo: 12, wraps: true),
            ],
            rows: steps.map { step in
                [
                    step.title, step.state ?? "-", step.kind ?? "-", step.job ?? "-",
                    (step.after ?? []).joined(separator: " "), step.reason ?? "",
                ]
            })
    }

    /// Tokens, without what is secret of them.
    static func tokens(_ tokens: [Token], now: Date) -> Table {
        Table(
            columns: [
                .init("NAME"), .init("SUBMITTER"), .init("ROLE"),
                .init("AGE", isNumber: true, isVolatile: true), .init("EXPIRES"),
            ],
            rows: tokens.map { token in
                [
                    token.name, token.submitter ?? "-", token.role ?? "-",
                    Humane.span(token.createdAt, nil, now: now),
                    token.expired == true ? "expired" : token.expiresAt?.text ?? "never",
                ]
            })
    }
}
