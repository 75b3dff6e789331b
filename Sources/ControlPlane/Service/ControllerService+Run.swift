import FleetCore
import FleetLink
import Foundation
import Hummingbird
import HummingbirdTLS
import JobCatalogue
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
            close: { sessions.close($0, reason: $1) }, publish: { feed.publish($0) },
            stored: {
                [
                    catalogue = parts.catalogue.catalogue, meters = parts.meters,
                    tokens = parts.tokens
                ]
                batch in
                tokens.update(new: batch.tokens, gone: batch.goneTokens)
                catalogue.record(batch.jobs)
                meters.observe(batch)
            })
        group.addTask { try await loop.run(controller, outlets: outlets) }
        group.addTask {
            while !Task.isCancelled {
                try await Task.sleep(for: .seconds(15))
                feed.ping()
            }
        }
        group.addTask { [watchdog] in await watchdog.keepTurning { loop.mailbox.nudge() } }
        group.addTask { await parts.archive.run() }
        group.addTask { await parts.catalogue.run() }
        group.addTask { await parts.backups.run() }
        if let file = settings.fleetFile { try await applyFleet(file, parts) }
        let doors = doors(term: loop.term)
        let (link, context, listener) = (parts.link, parts.linkContext, settings.link)
        group.addTask {
            do {
                try await link.run(
                    host: listener.host, port: listener.port, context: context,
                    onBound: { _ in doors.opened() })
            } catch let error as LinkError {
                throw StartError("agents cannot connect: \(error.message)")
            }
        }
        let serverLogger = ServerLog.logger(to: logger, until: ending)
        let admin = Application(
            router: parts.api.router(tokens: nil),
            configuration: .init(address: .unixDomainSocket(path: parts.socket)),
            onServerRunning: { [socket = parts.socket] _ in
                // Whoever may open the socket is an administrator.
                _ = unsafe chmod(socket, 0o600)
                doors.opened()
            }, logger: serverLogger)
        let secure = Application(
            router: parts.api.router(tokens: parts.tokens),
            server: try .tls(tlsConfiguration: parts.tls),
            configuration: .init(
                address: .hostname(settings.api.host, port: settings.api.port)),
            onServerRunning: { _ in doors.opened() },
            logger: serverLogger)
        _ = unsafe unlink(parts.socket)
        group.addTask { try await Self.serve(admin, parts.socket) }
        group.addTask { [api = settings.api] in
            try await Self.serve(secure, "\(api.host):\(api.port)")
        }
        try await group.next()
    }

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
        guard let spec = parsed.spec else {
            throw StartError(parsed.mistakes.map(\.description).joined(separator: "\n"))
        }
        guard case .done = await parts.loop.apply(spec, source: text) else {
            throw StartError("the fleet of \(path) could not be stored")
        }
        let loop = parts.loop
        let revision = await loop.read { controller, _ in controller.fleetRevision }
        if await parts.applied.current?.revision != revision {
            await parts.applied.set(
                AppliedFleet(revision: revision, at: loop.clock.now, source: text, spec: spec))
        }
    }
}
