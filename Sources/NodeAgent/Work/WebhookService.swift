import FleetCore
import Logging
import WorkerContracts

/// Listens for workers on the node's own network, at the same address in every life of the agent.
struct WebhookService: Sendable {
    let network: NodeNetwork
    let predictions: Predictions
    let portFile: String
    let logger: Logger

    /// How often a taken port is tried before another is chosen.
    private static let portTries = 20
    private static let retryAfter = Duration.milliseconds(500)

    /// Runs until cancelled.
    func run() async {
        while !Task.isCancelled {
            guard let host = try? await network.gateway.wait(until: { $0 != nil }) else {
                return
            }
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await serve(host) }
                // A network made anew may be another one.
                group.addTask { _ = try? await network.gateway.wait { $0 != host } }
                await group.next()
                group.cancelAll()
            }
            predictions.address.set(nil)
        }
    }

    private func serve(_ host: String) async {
        var tries = 0
        while !Task.isCancelled {
            do {
                let listener = try await bind(host, anyPort: tries >= Self.portTries)
                predictions.address.set("http://\(host):\(listener.port)/w/")
                logger.info(
                    "listening for workers", metadata: ["address": "\(host):\(listener.port)"])
                tries = 0
                let predictions = predictions
                try await listener.run(
                    { await predictions.received($0) },
                    uploads: { await predictions.uploads.receive($0) },
                    downloads: { await predictions.inputs.relay?.file($0) })
            } catch {
                if tries == 0, !Task.isCancelled {
                    logger.warning(
                        "cannot listen for workers", metadata: ["error": "\(error)"])
                }
                tries += 1
            }
            predictions.address.set(nil)
            try? await Task.sleep(for: Self.retryAfter, clock: .continuous)
        }
    }

    private func bind(_ host: String, anyPort: Bool) async throws -> WebhookListener {
        var configuration = WebhookListener.Configuration()
        configuration.host = host
        let file = portFile
        let kept = try await Disk.run { () -> Int? in
            guard let bytes = try DurableFile.read(file) else { return nil }
            let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
            return Int(text).flatMap { (1...65_535).contains($0) ? $0 : nil }
        }
        configuration.port = anyPort ? 0 : kept ?? 0
        let listener = try await WebhookListener.bind(configuration, tokens: predictions.tokens)
        if listener.port != kept {
            let port = listener.port
            do {
                // Before a worker hears of it: it must be the same after a restart.
                try await Disk.run { try DurableFile.write(Array("\(port)\n".utf8), to: file) }
            } catch {
                await listener.discard()
                throw error
            }
        }
        return listener
    }
}
