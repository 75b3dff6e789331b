import OrderedCollections

/// What images were seen to take, for workers and jobs that declare no memory.
///
/// A peak tells what was taken, not what is needed: some servers take what a box has. So it is kept
/// free, but nothing is refused for it, and it is never a limit of a container. It is known by the
/// image's name without a digest: the next image of that name takes about as much.
extension Controller {
    /// Learns from a sample of a node what its containers take at most.
    mutating func learn(
        _ sample: Telemetry, _ name: NodeName, _ effects: inout Effects
    ) {
        guard !sample.containers.isEmpty, let node = nodes[name], let sent = node.sent else {
            return
        }
        for use in sample.containers {
            guard let image = sent.image(of: use.name) else { continue }
            let bytes = Int64(clamping: min(use.memory, node.memory))
            guard nodes[name]?.record.learn(image, bytes) == true else { continue }
            effects.nodes.append(name)
            peaks[image] = max(peaks[image] ?? 0, bytes)
            // Records forget images that are not used any more.
            if peaks.count > Self.peaksMax {
                peaks = [:]
                restorePeaks()
            }
        }
    }

    /// The most images whose peaks are known at a time, unless the nodes' records have more.
    private static let peaksMax = 1_000

    /// Takes up what nodes were seen to take before the controller started.
    mutating func restorePeaks() {
        for node in nodes.values {
            for peak in node.record.peaks ?? [] {
                peaks[peak.image] = max(peaks[peak.image] ?? 0, peak.bytes)
            }
        }
    }

    /// What containers of an image took at most, in bytes; 0 when that is not known.
    func peak(of image: String) -> Int64 {
        peaks.isEmpty ? 0 : peaks[fleet.fullName(of: image).withoutDigest] ?? 0
    }

    /// What a worker takes, in bytes; 0 when it does not say and was never seen.
    func take(of worker: WorkerSpec) -> Int64 { worker.memory ?? peak(of: worker.image) }

    /// What a container takes, in bytes; 0 when it does not say and was never seen.
    func take(of container: ContainerOrder) -> Int64 {
        container.memory ?? (peaks.isEmpty ? 0 : peaks[container.image.withoutDigest] ?? 0)
    }
}

extension Controller.Orders {
    /// The image of a container by the name it has in telemetry: its worker's, or its attempt's.
    fileprivate func image(of use: String) -> String? {
        if let worker = workers[WorkerID(use)] { return worker.spec.image.withoutDigest }
        guard
            case .container(let container) = attempts.first(where: { $0.key.description == use })?
                .value.place
        else { return nil }
        return container.image.withoutDigest
    }
}

extension String {
    /// The name of an image without the digest behind it.
    fileprivate var withoutDigest: String { String(prefix { $0 != "@" }) }
}

extension NodeRecord {
    /// The most images whose peaks a node's record has; the one that was learned longest ago goes.
    fileprivate static let peaksMax = 32

    /// Notes what a container of an image takes; false when no more than was known, or hardly more.
    fileprivate mutating func learn(_ image: String, _ bytes: Int64) -> Bool {
        var all = peaks ?? []
        let place = all.firstIndex { $0.image == image }
        let known = place.map { all[$0].bytes } ?? 0
        // Each is stored, so not every page counts.
        guard bytes - known > max(known / 16, 1 << 24) else { return false }
        if let place { all.remove(at: place) }
        all.append(MemoryPeak(image: image, bytes: bytes))
        peaks = all.suffix(Self.peaksMax)
        return true
    }
}
