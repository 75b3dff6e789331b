import FleetCore
import FleetLink
import Foundation
import Hummingbird
import HummingbirdCore
import JobCatalogue
import NIOCore
import RedisStore
import Settings

extension ControllerService {
    /// Starts the parts and waits until one ends.
    func start(
        _ controller: Controller, _ parts: Parts, _ feed: EventFeed,
        _ group: inout ThrowingTaskGroup<Void, any Error>
    ) async throws {
        let loop = parts.loop
        let sessions = parts.sessions
        let outlets = ControlLoop.Outlets(
            send: { sessions.send($0.message, to: $0.session) },
            close: { sessions.close($0) },
            publish: { [webhooks = parts.webhooks] events in
                feed.publish(events)
                if !events.isEmpty { webhooks.ring() }
            },
            stored: {
                [
                    catalogue = parts.catalogue.catalogue, meters = parts.meters,
                    tokens = parts.tokens, webhooks = parts.webhooks
                ]
                batch in
                tokens.update(new: batch.tokens, gone: batch.goneTokens)
                webhooks.update(new: batch.webhooks, gone: batch.goneWebhooks)
                catalogue.record(batch.jobs)
                meters.observe(batch)
            })
        group.addTask { try await loop.run(controller, outlets: outlets) }
        group.addTask { await feed.run() }
        group.addTask { await parts.api.live.run() }
        group.addTask { await parts.webhooks.run() }
        group.addTask { [watchdog] in await watchdog.keepTurning { loop.mailbox.nudge() } }
        group.addTask { await parts.archive.run() }
        group.addTask { await parts.sweeper.run() }
        group.addTask { await parts.catalogue.run() }
        group.addTask { await parts.record.run() }
        group.addTask { await parts.backups.run() }
        if let keeper = parts.backupKeeper { group.addTask { await keeper.run() } }
        if let file = settings.fleetFile { try await applyFleet(file, parts) }
        let doors = doors(term: loop.term)
        group.addTask { await parts.certificate.run() }
        let (link, certificate, listener) = (parts.link, parts.certificate, settings.link)
        group.addTask {
            do {
                try await link.run(
                    host: listener.host, port: listener.port, context: certificate.link,
                    onBound: { _ in doors.opened() })
            } catch let error as LinkError {
                throw StartError("agents cannot connect: \(error.message)")
            }
        }
        let serverLogger = ServerLog.logger(to: logger, until: ending)
        let http = HTTP1Channel.Configuration(
            additionalChannelHandlers: [
                BodyGuard(meters: parts.meters, logger: serverLogger),
                MalformedRequests(meters: parts.meters, logger: serverLogger),
                AnswerGuard(meters: parts.meters),
            ],
            idleTimeout: Self.idleTimeout)
        let admin = Application(
            router: parts.api.router(tokens: nil), server: .http1(configuration: http),
            configuration: .init(
                address: .unixDomainSocket(path: parts.socket), backlog: Self.backlog,
                availableConnectionsDelegate: MaximumAvailableConnections(
                    parts.files.local, logger: serverLogger)),
            onServerRunning: { [socket = parts.socket] _ in
                // Whoever may open the socket is an administrator.
                _ = unsafe chmod(socket, 0o600)
                doors.opened()
            }, logger: serverLogger)
        let secure = Application(
            router: parts.api.router(tokens: parts.tokens),
            server: .https(http) { certificate.https },
            configuration: .init(
                address: .hostname(settings.api.host, port: settings.api.port),
                backlog: Self.backlog,
                availableConnectionsDelegate: MaximumAvailableConnections(
                    parts.files.secure, logger: serverLogger)),
            onServerRunning: { _ in doors.opened() },
            logger: serverLogger)
        _ = unsafe unlink(parts.socket)
        group.addTask { try await Self.serve(admin, parts.socket) }
        group.addTask { [api = settings.api] in
            try await Self.serve(secure, "\(api.host):\(api.port)")
        }
        try await group.next()
    }

    /// How long a connection may be there without a whole request, however slowly one comes.
    ///
    /// Longer than clients keep a connection for the next request: it is for them to close it.
    private static let idleTimeout = TimeAmount.seconds(75)
    /// Connections that may wait to be accepted.
    private static let backlog = 1_024

    /// The link, the admin socket and the API: once they are open the controller is ready.
    private func doors(term: UInt64) -> Doors {
        let (link, api) = (settings.link, settings.api)
        return Doors(3) { [notifier] in
            notifier.ready(
                """
                leads (term \(term)); agents at \(link.host):\(link.port), \
                API at \(api.host):\(api.port)
                """)
        }
    }

    private static func serve(
        _ application: some ApplicationProtocol, _ place: String
    ) async throws {
        do {
            try await application.run()
        } catch is CancellationError {
            return
        } catch {
            throw StartError("cannot serve the API at \(place): \(error)")
        }
    }

    private func applyFleet(_ path: String, _ parts: Parts) async throws {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw StartError("cannot read the fleet file \(path): \(error.localizedDescription)")
        }
        let name = URL(fileURLWithPath: path).lastPathComponent
        let parsed = FleetFile.parse(text: text, name: name)
        guard let written = parsed.spec else {
            throw StartError(parsed.mistakes.map(\.description).joined(separator: "\n"))
        }
        let loop = parts.loop
        let inForce = await loop.read { controller, _ in controller.fleet }
        let spec = await parts.api.images.pinned(written, over: inForce, onlyNew: true)
        guard case .done = await loop.apply(spec, source: text) else {
            throw StartError("the fleet of \(path) could not be stored")
        }
        let revision = await loop.read { controller, _ in controller.fleetRevision }
        if await parts.applied.current?.revision != revision {
            await parts.applied.set(
                AppliedFleet(revision: revision, at: loop.clock.now, source: text, spec: spec))
        }
    }
}
