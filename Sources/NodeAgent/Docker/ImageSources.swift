import DockerEngine
import FleetCore

/// The registries a node takes images from; with none named, from all.
struct ImageSources: Sendable, Hashable {
    /// Hosts, with a port where it is not the usual one: `spark:5000`, `docker.io`.
    let registries: [String]

    /// The registry of an image without a host in its name, as Docker has it.
    static let usual = "docker.io"

    /// Why the image is not taken; nil when it may be.
    func refusal(of image: String) -> Failure? {
        if registries.isEmpty { return nil }
        let host = Self.registry(of: image)
        if registries.contains(host) { return nil }
        return Failure(
            .imageNotAllowed,
            "\(image) is from \(host), and this node takes images from \(registries.joined(separator: ", ")) only"
        )
    }

    /// The registry of an image, as Docker takes its name.
    ///
    /// An image by its id alone is here already, and is of no registry: `sha256`.
    static func registry(of image: String) -> String {
        let parts = image.pathParts
        guard parts.count > 1, let first = parts.first else {
            return image.hasPrefix("sha256:") ? "sha256" : usual
        }
        return ImageName.isHost(first) ? first : usual
    }
}
