import ArgumentParser
import Foundation
import Logging
import RedisStore
import Settings

extension ControllerCommand {
    /// `spark-controller restore`.
    struct RestoreBackup: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "restore",
            abstract: "Put a backup in the place of the record, while no controller runs.",
            usage: "spark-controller restore --from FILE|NAME [--force] [SETTINGS]",
            discussion: """
                FROM is an archive that `jctl backup get` saved, or the name that `jctl backup ls` shows, \
                which is looked for in the object store. The archive is checked to its end before \
                anything is written. Settings are those of `spark-controller run`, such as --state-dir.
                """)

        @Option(help: "The archive's file, or the backup's name.")
        var from: String
        @Flag(help: "Replace a record that is there.")
        var force = false
        @Argument(parsing: .allUnrecognized, help: "Settings, as for run.")
        var settings: [String] = []

        func run() async throws {
            let (loaded, _) = try ControllerCommand.load(settings)
            LoggingSystem.writeToStandardError(level: "warning", json: loaded.logsAsJSON)
            let restore = Restore(
                settings: loaded, from: from, force: force,
                logger: Logger(label: "spark-controller"))
            do {
                let outcome = try await restore.run()
                let (header, counts) = (outcome.summary.header, outcome.summary.counts)
                print(
                    """
                    restored the record of \(header.fleet) as of \(header.at.rfc3339): \
                    \(counts.jobs) jobs, \(counts.plans) plans, \(counts.nodes) nodes, \
                    \(counts.tokens) tokens, \(counts.bans ?? 0) bans, \(counts.webhooks) webhooks, \(counts.revisions) revisions of the fleet, \
                    \(counts.events) events; term \(outcome.term)
                    start the controller: `systemctl start spark-controller`
                    """)
            } catch let error as Restore.HalfWritten {
                ControllerCommand.say(
                    "the restore was cut off, and no controller takes up what it has written; run it again: \(error)"
                )
                throw ExitCode(1)
            } catch {
                ControllerCommand.say("nothing was restored: \(error)")
                throw ExitCode(1)
            }
        }
    }

    /// Settings that hold, and whether they are only to be checked; else says what is wrong with them.
    static func load(_ arguments: [String]) throws -> (ControllerSettings, isCheck: Bool) {
        let outcome = ControllerSettings.source.load(
            arguments: arguments, environment: ProcessInfo.processInfo.environment)
        guard let resolved = outcome.settings else { throw refuse(outcome.mistakes) }
        let (loaded, mistakes) = ControllerSettings.load(resolved)
        guard let loaded else { throw refuse(mistakes) }
        return (loaded, resolved.bool("check_config"))
    }

    static func say(_ line: String) {
        FileHandle.standardError.write(Data("spark-controller: \(line)\n".utf8))
    }

    static func refuse(_ mistakes: [Mistake]) -> ExitCode {
        for mistake in mistakes {
            FileHandle.standardError.write(Data("\(mistake)\n".utf8))
        }
        return ExitCode(2)
    }
}
