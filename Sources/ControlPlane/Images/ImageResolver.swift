import FleetCore
import Logging
import Synchronization

/// Finds out what images of the fleet's own registry are, so that their names mean the same later.
///
/// No other registry is asked: a submitter must not choose whom the controller calls. An image of
/// which nothing is found out stays as it is named, and is what has that name when it is pulled.
package final class ImageResolver: Sendable {
    /// Asks the registry in an image's name.
    typealias Look = @Sendable (ImageName) async -> ImageRegistry.Answer

    /// A registry that does not answer, and until when it is not asked again.
    private struct Absence {
        let registry: String
        let until: ContinuousClock.Instant

        func holds(for registry: String) -> Bool {
            registry == self.registry && ContinuousClock.now < until
        }
    }

    private let look: Look
    private let logger: Logger
    private let absence = Mutex<Absence?>(nil)

    /// How long a registry that did not answer is left alone: submissions shall not each wait.
    private static let rest = Duration.seconds(10)
    /// Images of one request that are looked up at a time.
    private static let atOnce = 8
    /// How long one request's images are looked up; those that are left stay as they are named.
    private static let patience = Duration.seconds(10)

    init(logger: Logger, look: @escaping Look) {
        self.logger = logger
        self.look = look
    }

    /// What these images are; those of which nothing is found out are left out.
    func digests(of images: Set<String>, in fleet: FleetSpec) async -> [String: String] {
        let own = images.sorted().compactMap { image in
            fleet.place(of: image).map { (image: image, name: $0) }
        }
        let end = ContinuousClock.now + Self.patience
        return await withTaskGroup(of: (String, String?).self) { group in
            var found: [String: String] = [:]
            for (number, next) in own.enumerated() {
                if number >= Self.atOnce, let (image, digest) = await group.next() {
                    found[image] = digest
                }
                guard ContinuousClock.now < end else {
                    logger.notice(
                        "images are not pinned: the registry is slow",
                        metadata: ["images": "\(own.count - number)"])
                    break
                }
                group.addTask { (next.image, await self.digest(of: next.name)) }
            }
            for await (image, digest) in group { found[image] = digest }
            return found
        }
    }

    private func digest(of image: ImageName) async -> String? {
        guard let registry = image.host, !isAway(registry) else { return nil }
        let why: String
        switch await look(image) {
        case .digest(let digest): return digest
        case .unknown(let reason): why = reason
        case .away(let reason):
            // Of several that were asked for at once, one says so.
            guard leaveAlone(registry) else { return nil }
            why = reason
        }
        logger.notice(
            "image is not pinned", metadata: ["image.name": "\(image)", "reason": "\(why)"])
        return nil
    }

    private func isAway(_ registry: String) -> Bool {
        absence.withLock { $0?.holds(for: registry) == true }
    }

    /// Notes that a registry does not answer; false when that is known already.
    private func leaveAlone(_ registry: String) -> Bool {
        absence.withLock { absence in
            let isKnown = absence?.holds(for: registry) == true
            absence = Absence(registry: registry, until: .now + Self.rest)
            return !isKnown
        }
    }
}
