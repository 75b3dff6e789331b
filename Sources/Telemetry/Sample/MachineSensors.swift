/// The sensors of the machine: programs that are kept running where there are such, and the kernel.
package final class MachineSensors<Runner: ProgramRunner, Time: Clock>: Sendable
where Time.Duration == Duration {
    private let tree: SystemTree
    private let feeds: [ProgramFeed<SensorLine, Runner, Time>]

    /// Looks which programs the machine has; none is started before `run`.
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
        feeds = SensorLine.Source.find(in: tree).map { source in
            ProgramFeed(
                program: Program(path: tree.path(source.path), arguments: source.arguments),
                runner: runner, clock: clock, patience: patience, report: report,
                read: { source.read($0) })
        }
    }

    /// The names of the programs that are kept running.
    package var programs: [String] { feeds.map(\.program.name) }

    /// Keeps the programs running until the task is cancelled; returns at once where there are none.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for feed in feeds { group.addTask { await feed.run() } }
        }
    }

    /// Something that takes samples.
    package func sampler() -> MachineSampler {
        let feeds = feeds
        return MachineSampler(tree: tree, lines: { feeds.compactMap(\.latest) })
    }
}

extension MachineSensors where Runner == ChildRunner, Time == ContinuousClock {
    /// The sensors of this machine.
    package convenience init(report: @escaping @Sendable (FeedEvent) -> Void) {
        self.init(
            tree: SystemTree(), runner: ChildRunner(), clock: ContinuousClock(), report: report)
    }
}
