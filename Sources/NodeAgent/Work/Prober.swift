import AsyncHTTPClient
import DockerEngine
import FleetCore
import WorkerContracts

/// Asks workers whether they take jobs.
struct Prober: Sendable {
    let http: HTTPClient
    /// For OpenAI-compatible servers.
    let calls: HTTPClient
    let completions: Completions
    let containers: Containers

    /// How a worker is.
    func probe(_ contract: Contract, _ fact: ContainerFact) async -> Readiness {
        switch contract {
        case .cog: await cog(fact)
        case .opaque: await opaque(fact)
        case .openai: await openai(fact)
        case .exec: .failed("contract \(contract.rawValue) is not supported yet")
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

    private func openai(_ fact: ContainerFact) async -> Readiness {
        guard let address = fact.address else { return .silent("the worker has no address") }
        do {
            let health = try await OpenAIWorker(http: calls, baseURL: "http://\(address)").health()
            return Self.readiness(health, isBusy: completions.isBusy(fact.id))
        } catch {
            // Some compute in the thread that would answer; our own request tells whether they live.
            if error.code == .timeout, completions.isBusy(fact.id) { return .busy }
            return .silent(error.message)
        }
    }

    /// What an OpenAI-compatible server's health means; it does not tell itself whether it works.
    static func readiness(_ health: OpenAIHealth, isBusy: Bool) -> Readiness {
        switch health {
        case .ready: isBusy ? .busy : .ready
        // Some answer so when all their slots are taken.
        case .starting: isBusy ? .busy : .starting
        case .refused(let text): .failed(text)
        case .unwell(let text): .silent(text)
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
