package import ArgumentParser
import Foundation
import Logging
import RedisStore
import ServiceLifecycle
import Settings
import UnixSignals

/// `spark-controller`: the control plane of the fleet.
package struct ControllerCommand: AsyncParsableCommand {
    /// How it is called.
    package static let configuration = CommandConfiguration(
        commandName: "spark-controller", abstract: "The control plane of a Jessica fleet.",
        version: Version.number, subcommands: [Run.self, Certify.self, RestoreBackup.self])

    /// Creates the command.
    package init() {}

    /// `spark-controller run`.
    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run the controller.",
            discussion: ControllerSettings.source.describe())

        @Argument(parsing: .captureForPassthrough, help: "Settings; see below.")
        var settings: [String] = []

        func run() async throws {
            if settings.contains("--help") || settings.contains("-h") {
                print(Self.helpMessage())
                return
            }
            let (loaded, isCheck) = try ControllerCommand.load(settings)
            if isCheck {
                print("the configuration is fine")
                return
            }
            LoggingSystem.writeToStandardError(level: loaded.logLevel, json: loaded.logsAsJSON)
            let logger = Logger(label: "spark-controller")
            let group = ServiceGroup(
                services: [ControllerService(settings: loaded, logger: logger)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
            do {
                try await group.run()
            } catch is CancellationError {
                return
            } catch let error as RedisStoreError where error.code == .fenced {
                guard loaded.failover else {
                    // Started again it would depose its successor in turn.
                    ControllerCommand.say("another controller has taken over: \(error)")
                    throw ExitCode(3)
                }
                ControllerCommand.say(
                    "another controller has taken over: \(error); started again, this one stands by"
                )
                throw ExitCode(1)
            } catch {
                ControllerCommand.say("\(error)")
                throw ExitCode(1)
            }
        }
    }

    /// `spark-controller certify NODE`.
    struct Certify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Issue the certificate of a node's agent.",
            discussion:
                "Writes ca.crt, node.crt and node.key; carry them to the node's state folder.")

        @Argument(help: "The node's name, as in cluster.yaml.")
        var node: String
        @Option(help: "The controller's state folder.")
        var stateDir = "/var/lib/jessica/controller"
        @Option(help: "The folder to write to.")
        var out: String

        func run() async throws {
            if let problem = FleetText.dnsLabel(node) {
                throw ValidationError("\(node) is no node name: \(problem)")
            }
            let state = try StateDirectory(stateDir)
            let authority = try Authority(directory: state.authority)
            let credential = try authority.node(node)
            try SecretFile.makeDirectory(out)
            try SecretFile.write(authority.trust, to: out + "/ca.crt")
            try SecretFile.write(credential.certificate, to: out + "/node.crt")
            try SecretFile.write(credential.key, to: out + "/node.key")
            print("certificate of \(node) written to \(out)")
        }
    }
}
