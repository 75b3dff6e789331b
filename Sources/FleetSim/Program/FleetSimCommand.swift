package import ArgumentParser

/// `fleet-sim`: the whole fleet in a deterministic world.
package struct FleetSimCommand: AsyncParsableCommand {
    /// The command's name, help and subcommands.
    package static let configuration = CommandConfiguration(
        commandName: "fleet-sim",
        abstract: "Runs the whole fleet in a deterministic world, from a seed.",
        discussion: """
            The real machines of controller and agents run with virtual time, a network, a store and
            Docker engines that fail as the seed says, and people who ask for work. After every step
            the invariants are checked; then the world heals, and everything must come to rest.

            Examples:
              fleet-sim run --seeds 2000
              fleet-sim run --seeds 10 --nodes 100 --hours 4
              fleet-sim replay --seed 1593 --trace
              fleet-sim check --events events.jsonl
              fleet-sim compare --policy policies.json
            """,
        subcommands: [
            RunCommand.self, ReplayCommand.self, CheckCommand.self, CompareCommand.self,
            ScaleCommand.self,
        ])

    /// Creates the command.
    package init() {}
}
