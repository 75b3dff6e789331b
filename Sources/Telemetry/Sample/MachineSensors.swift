/// The sensors of the machine: a program that is kept running where there is one, and the kernel.
package final class MachineSensors<Runner: ProgramRunner, Time: Clock>: Sendable
where Time.Duration == Duration {
    private let tree: SystemTree
    private let feed: ProgramFeed<SensorLine, Runner, Time>?

    /// Looks which program the machine has; none is started before `run`.
    package convenience init(
        tree: SystemTree, runner: Runner, clock: Time,
        report: @escaping @Sendable (FeedEvent) -> Void
    ) {
        self.init(
            tree: tree, runner: runner, clock: clock, patience: FeedPatience(), report: report)
    }

    init(
        tree: SystemTree, runner: Runner, clock: Time, patience: FeedPatience,
        report: @escaping @Sendable (FeedEvent) -> Void
    ) {
        self.tree = tree
        feed = SensorLine.Source.find(in: tree).map { source in
            ProgramFeed(
                program: Program(path: tree.path(source.path), arguments: source.arguments),
                runner: runner, clock: clock, patience: patience, report: report,
                read: { source.read($0) })
        }
    }

    /// The name of the program that is kept running; nil where there is none.
    package var program: String? { feed?.program.name }

    /// Keeps the program running until the task is cancelled; returns at once where there is none.
    package func run() async { await feed?.run() }

    /// Something that takes samples.
    package func sampler() -> MachineSampler {
        let feed = feed
        return MachineSampler(tree: tree, line: { feed?.latest })
    }
}

extension MachineSensors where Runner == ChildRunner, Time == ContinuousClock {
    /// The sensors of this machine.
    package convenience init(report: @escaping @Sendable (FeedEvent) -> Void) {
        self.init(
            tree: SystemTree(), runner: ChildRunner(), clock: ContinuousClock(), report: report)
    }
}
