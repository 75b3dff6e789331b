import Crypto
import FleetLink
import Foundation
import Logging
import Synchronization

/// Keeps the node's identity usable, for ever.
///
/// Where there is no certificate that holds, it asks a controller to be admitted, until somebody does; one that
/// comes to its end is renewed without anybody.
final class Enrolment: Sendable {
    /// Who is enrolled, where, and how the controller is known.
    struct Terms: Sendable {
        /// The node's name.
        var node: String
        /// Every controller there is.
        var controllers: [AgentSettings.Place]
        /// The port of their API.
        var apiPort: Int
        /// The name in their certificates; nil for the host of each.
        var serverName: String?
        /// What the authority is known by where its certificate is not there yet.
        var fingerprint: KeyFingerprint?
    }

    /// What was last said in the log of an enrolment under way.
    private enum Said: Equatable { case nothing, asks, waits(KeyFingerprint) }
    private struct State {
        /// The certificate that the controller has made void; a later life of the agent hears it again.
        var void: String?
        var said = Said.nothing
    }

    private let terms: Terms
    private let logger: Logger
    /// Seconds since 1970.
    private let now: @Sendable () -> Int64
    private let pause: @Sendable (Duration) async throws -> Void
    /// Read and replaced by one at a time: nobody sees a key without its certificate.
    private let files: Mutex<Identity>
    private let state = Mutex(State())

    /// How long the controller may keep a question, in seconds.
    private static let hold = 50
    /// Between two questions, where the controller does not keep them.
    private static let leastPause = Duration.seconds(1)
    /// The longest wait before the next question where too many ask.
    private static let crowdPause = Duration.seconds(60)
    /// How often it is looked whether somebody has brought a certificate meanwhile.
    private static let lookEvery = Duration.seconds(5)
    /// How often it is looked whether the certificate comes to its end.
    private static let renewalEvery = Duration.seconds(3_600)
    /// The same while somebody has to approve it: a controller forgets who has not asked for ten minutes.
    private static let waitingEvery = Duration.seconds(300)

    /// `now` is the time of day in seconds since 1970.
    init(
        _ terms: Terms, identity: Identity, logger: Logger,
        now: @escaping @Sendable () -> Int64 = { WallTime.seconds },
        pause: @escaping @Sendable (Duration) async throws -> Void = {
            try await Task.sleep(for: $0, clock: .continuous)
        }
    ) {
        self.terms = terms
        self.files = Mutex(identity)
        self.logger = logger
        self.now = now
        self.pause = pause
    }

    // MARK: A certificate where there is none

    /// What a connection needs; asks that controller for what is missing, for as long as it takes.
    ///
    /// Throws when that controller cannot be asked, or answers otherwise than with yes or not yet.
    func credential(from controller: AgentSettings.Place) async throws -> Identity.Credential {
        let credential = try await find(door(controller))
        say(.nothing)
        return credential
    }

    private func find(_ door: EnrolmentDoor) async throws -> Identity.Credential {
        if let ready = try? await present() { return ready }
        let authority = try await authority(door)
        do {
            return try await present()
        } catch let why as AgentError {
            if say(.asks) {
                logger.notice(
                    "asks to be admitted",
                    metadata: [
                        "node": "\(terms.node)", "remote": "\(door.place)", "reason": "\(why)",
                    ])
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.ask(door, authority) }
            group.addTask { try await self.watch() }
            defer { group.cancelAll() }
            try await group.next()
        }
        return try await present()
    }

    /// The controller accepts that certificate no more.
    func giveUp(_ certificate: NodeCertificate) {
        state.withLock { $0.void = certificate.text }
    }

    /// The identity as it is, if it can be used.
    private func present() async throws -> Identity.Credential {
        let found = try await withFiles { files in
            try files.finishInstall()
            return (credential: try files.credential(), path: files.certificate, ca: files.ca)
        }
        guard found.credential.context.trustsOwnCertificate else {
            throw AgentError(
                .identity, "\(found.path) is not of the authority in \(found.ca)")
        }
        guard !found.credential.certificate.hasEnded(at: now()) else {
            throw AgentError(.identity, "\(found.path) has ended")
        }
        guard state.withLock({ $0.void }) != found.credential.certificate.text else {
            throw AgentError(.identity, "the controller has made \(found.path) void")
        }
        // So it is where a disk was copied for another box.
        guard found.credential.certificate.name == terms.node else {
            let name = found.credential.certificate.name ?? "nobody"
            throw AgentError(.identity, "\(found.path) is for \(name), not for \(terms.node)")
        }
        return found.credential
    }

    /// The authority's certificate, fetched where it is missing and we are told what it is known by.
    private func authority(_ door: EnrolmentDoor) async throws -> String {
        guard let pin = terms.fingerprint else { return try await withFiles { try $0.authority() } }
        let (known, path) = try await withFiles { (try $0.knownAuthority(), $0.ca) }
        if let known {
            guard pin.isAmong(known) else {
                // A controller made anew, or a slip: whom to trust is not ours to choose.
                throw AgentError(
                    .identity,
                    "\(path) is not of controller.fingerprint; delete it, and the agent gets the one that is"
                )
            }
            return known
        }
        let offered = try await door.authority()
        let right = try pin.authority(in: offered)
        try await withFiles { try $0.keepAuthority(right) }
        logger.notice(
            "the authority has the fingerprint it should have",
            metadata: ["remote": "\(door.place)", "key": "\(pin)"])
        return right
    }

    /// Asks until there is a certificate.
    private func ask(_ door: EnrolmentDoor, _ authority: String) async throws {
        let key = try await withFiles { try $0.keyWithoutCertificate() }
        let request = request(for: key)
        // The first answer comes at once, so that the log says soon what is to be done.
        var hold = 0
        while true {
            let began = ContinuousClock.now
            switch try await door.enrol(request, trusting: authority, hold: hold) {
            case .admitted(let text):
                try await install(text, key, door)
                logger.notice("is admitted", metadata: ["node": "\(terms.node)"])
                return
            case .noRoom(let why):
                // Many are in the same place: all at once and again and again they would keep it busy.
                try await pause(Self.crowdPause * Double.random(in: 0.5...1))
                throw why
            case .waits: sayWaiting(key, "waits to be admitted")
            }
            let left = Self.leastPause - (ContinuousClock.now - began)
            if hold > 0, left > .zero { try await pause(left) }
            hold = Self.hold
        }
    }

    /// Ends when somebody has brought a certificate.
    private func watch() async throws {
        repeat {
            try await Task.sleep(for: Self.lookEvery, clock: .continuous)
        } while (try? await present()) == nil
    }

    // MARK: A certificate that comes to its end

    /// Renews the certificate when it is time, until cancelled.
    func keepRenewed() async {
        var waits = false
        repeat {
            waits = await renewIfDue()
        } while (try? await pause(waits ? Self.waitingEvery : Self.renewalEvery)) != nil
    }

    /// Renews the certificate if less than a third of its life is left; the present link does not notice.
    ///
    /// Returns whether somebody has to approve that.
    @discardableResult
    func renewIfDue() async -> Bool {
        guard let present = try? await present(), present.certificate.isDue(at: now()) else {
            return false
        }
        for controller in terms.controllers where !Task.isCancelled {
            let door = door(controller)
            do {
                return try await !renew(present, door)
            } catch {
                logger.warning(
                    "the certificate is not renewed yet",
                    metadata: ["remote": "\(door.place)", "error": "\(error)"])
            }
        }
        return false
    }

    /// Whether there is another certificate; if not, somebody has to approve it.
    private func renew(
        _ present: Identity.Credential, _ door: EnrolmentDoor
    ) async throws -> Bool {
        let (key, authority) = try await withFiles {
            (try $0.keyWithoutCertificate(), try $0.authority())
        }
        var request = request(for: key)
        // Another kind of key was brought by somebody, who is then asked.
        if let own = try? P256.Signing.PrivateKey(pemRepresentation: present.key) {
            request.renews = .init(
                certificate: present.certificate.text,
                signature: try own.signature(for: key.publicKey.derRepresentation)
                    .derRepresentation)
        }
        switch try await door.enrol(request, trusting: authority, hold: 0) {
        case .admitted(let text):
            try await install(text, key, door)
            say(.nothing)
            logger.notice("the certificate is renewed", metadata: ["node": "\(terms.node)"])
            return true
        case .waits:
            sayWaiting(key, "waits for its renewal to be approved")
            return false
        case .noRoom(let why): throw why
        }
    }

    // MARK: Parts

    private func door(_ controller: AgentSettings.Place) -> EnrolmentDoor {
        EnrolmentDoor(
            place: .init(host: controller.host, port: terms.apiPort), serverName: terms.serverName)
    }

    private func request(for key: P256.Signing.PrivateKey) -> EnrolmentDoor.Request {
        .init(
            node: terms.node, key: key.publicKey.pemRepresentation, version: AgentVersion.text,
            renews: nil)
    }

    /// Puts a certificate in force if it is ours.
    private func install(
        _ text: String, _ key: P256.Signing.PrivateKey, _ door: EnrolmentDoor
    ) async throws {
        let got: NodeCertificate
        do {
            got = try NodeCertificate(pem: text)
        } catch {
            throw AgentError(.identity, "the certificate of \(door.place): \(error.message)")
        }
        guard got.key == Array(key.publicKey.derRepresentation) else {
            throw AgentError(.identity, "the certificate of \(door.place) is for another key")
        }
        guard got.name == terms.node else {
            throw AgentError(
                .identity,
                "the certificate of \(door.place) is for \(got.name ?? "nobody"), not for \(terms.node)"
            )
        }
        guard !got.hasEnded(at: now()) else {
            throw AgentError(.identity, "the certificate of \(door.place) has ended already")
        }
        try await withFiles { try $0.install(text) }
    }

    private func withFiles<Result: Sendable>(
        _ body: @escaping @Sendable (Identity) throws -> Result
    ) async throws -> Result {
        try await Disk.run { try self.files.withLock { try body($0) } }
    }

    /// Whether that was not the last thing said already.
    @discardableResult
    private func say(_ said: Said) -> Bool {
        state.withLock { state in
            // To go on asking is nothing new.
            if said == .asks, state.said != .nothing { return false }
            defer { state.said = said }
            return state.said != said
        }
    }

    private func sayWaiting(_ key: P256.Signing.PrivateKey, _ what: Logger.Message) {
        let fingerprint = KeyFingerprint(of: Array(key.publicKey.derRepresentation))
        guard say(.waits(fingerprint)) else { return }
        logger.notice(
            what,
            metadata: [
                "node": "\(terms.node)", "key": "\(fingerprint)",
                // With the key: whoever else asks under our name is not admitted by it.
                "command": "jctl node approve \(terms.node) --key \(fingerprint.digits)",
            ])
    }
}
