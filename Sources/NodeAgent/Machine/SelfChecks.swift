import DockerEngine
import FleetCore
import Settings
import Synchronization

/// Looks at what the machine must have for work to succeed, so that `jctl doctor` can tell what it lacks.
final class SelfChecks: Sendable {
    private let engine: DockerEngine
    private let models: ModelsFolder?
    private let joins: NetworkJoins
    private let found = Mutex<[Telemetry.Trouble]>([])

    private static let every = Duration.seconds(30)
    /// The same while something is wrong: whoever has mended it wants to see that soon.
    private static let everyAmiss = Duration.seconds(5)
    /// How long Docker may take to answer.
    private static let patience = Duration.seconds(5)

    /// `models` is the folder where models shall be, if any; `joins` know which networks refuse
    /// workers.
    init(engine: DockerEngine, models: ModelsFolder?, joins: NetworkJoins) {
        self.engine = engine
        self.models = models
        self.joins = joins
    }

    /// What was wrong when it was last looked at.
    var troubles: [Telemetry.Trouble] { found.withLock { $0 } + joins.troubles }

    /// Looks again and again, until cancelled.
    func run() async {
        repeat {
            await look()
        } while (try? await Task.sleep(for: pause, clock: .continuous)) != nil
    }

    private var pause: Duration {
        found.withLock { $0.isEmpty } ? Self.every : Self.everyAmiss
    }

    /// Looks once.
    func look() async {
        let troubles = [await docker(), await models?.trouble()].compactMap { $0 }
        guard !Task.isCancelled else { return }
        found.withLock { $0 = troubles }
    }

    private func docker() async -> Telemetry.Trouble? {
        let why: String
        do {
            let engine = engine
            if try await withLimit(Self.patience, { try await engine.info() }) != nil { return nil }
            why = "it does not answer within \(Self.patience)"
        } catch {
            why = "\(error)"
        }
        return .init(
            name: "docker", message: "Docker cannot be used: \(why)",
            action: "`systemctl status docker` on it; nothing is started there until it answers")
    }
}
