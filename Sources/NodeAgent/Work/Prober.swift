import AsyncHTTPClient
import DockerEngine
import FleetCore
import WorkerContracts

/// Asks workers whether they take jobs.
struct Prober: Sendable {
    let http: HTTPClient
    let containers: Containers

    /// How a worker is.
    func probe(_ contract: Contract, _ fact: ContainerFact) async -> Readiness {
        switch contract {
        case .cog: await cog(fact)
        case .opaque: await opaque(fact)
        case .openai, .exec: .failed("contract \(contract.rawValue) is not supported yet")
        }
    }

    private func cog(_ fact: ContainerFact) async -> Readiness {
        guard let address = fact.address else { return .silent("the worker has no address") }
        do {
            return Self.readiness(
                try await CogWorker(http: http, baseURL: "http://\(address)").health())
        } catch {
            return .silent(error.message)
        }
    }

    /// What a cog worker's health means.
    static func readiness(_ health: CogHealth) -> Readiness {
        switch health.status {
        case .starting, .unknown: .starting
        case .ready: .ready
        case .busy: .busy
        case .setupFailed:
            .failed(health.setupLogs.isEmpty ? "its setup failed" : health.setupLogs)
        case .defunct: .failed(health.complaint ?? "its model's process has died")
        case .unhealthy: .failed(health.complaint ?? "it says it is not healthy")
        }
    }

    private func opaque(_ fact: ContainerFact) async -> Readiness {
        do {
            let now = try await containers.fact(of: fact.id)
            return now.isRunning ? .ready : .silent("its container does not run")
        } catch {
            return .silent("\(error)")
        }
    }
}
