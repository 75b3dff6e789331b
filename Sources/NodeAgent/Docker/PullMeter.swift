import DockerEngine
import FleetCore

/// Tells how far a pull is, and how long it will take at the speed of late.
struct PullMeter: Sendable {
    /// The shortest time between two reports.
    static let every = Duration.seconds(1)
    /// Of this long the speed is taken, about: layers come and go, and no one of them is the pull.
    private static let smoothing = 10.0
    /// How long a pull has to go on before its speed tells anything.
    private static let knownAfter = 3.0

    private var begun: ContinuousClock.Instant?
    private var last: (at: ContinuousClock.Instant, bytes: Int64)?
    /// Bytes a second.
    private var rate = 0.0

    init() {}

    /// A report, if one is due.
    mutating func note(
        _ progress: PullProgress, at now: ContinuousClock.Instant = .now
    ) -> FleetCore.Progress? {
        if let last, now - last.at < Self.every { return nil }
        measure(progress.bytesDone, now)
        let left = progress.phase == "extracting" ? nil : secondsLeft(progress, now)
        return Self.words(progress, secondsLeft: left)
    }

    private mutating func measure(_ bytes: Int64, _ now: ContinuousClock.Instant) {
        defer { self.last = (now, bytes) }
        guard let last, let begun else {
            self.begun = now
            return
        }
        let passed = last.at.duration(to: now).inSeconds
        guard passed > 0 else { return }
        // A layer that is fetched anew takes back what it had.
        let speed = max(0, Double(bytes) - Double(last.bytes)) / passed
        // Until so much has passed, it is the mean of all.
        let span = min(Self.smoothing, begun.duration(to: now).inSeconds)
        rate += (speed - rate) * min(1, passed / span)
    }

    private func secondsLeft(
        _ progress: PullProgress, _ now: ContinuousClock.Instant
    ) -> Double? {
        guard let begun, begun.duration(to: now).inSeconds >= Self.knownAfter, rate > 0 else {
            return nil
        }
        let left = Double(progress.bytesTotal) - Double(progress.bytesDone)
        return left > 0 ? left / rate : nil
    }

    /// For people: `pulling: 1.2 of 3.4 GB, 5 of 9 layers, about 40 s left`.
    static func words(
        _ progress: PullProgress, secondsLeft: Double? = nil
    ) -> FleetCore.Progress {
        let verb = progress.phase == "extracting" ? "unpacking" : "pulling"
        guard progress.bytesTotal > 0 else {
            return Progress(text: "\(verb): \(progress.phase)")
        }
        var parts = [amount(progress.bytesDone, of: progress.bytesTotal)]
        if progress.layersTotal > 0 {
            parts.append("\(progress.layersDone) of \(progress.layersTotal) layers")
        }
        if let secondsLeft {
            // The daemon fetches a few layers at a time, and tells no size of those that wait.
            let about = progress.isTotalKnown ? "about" : "at least"
            parts.append("\(about) \(time(secondsLeft)) left")
        }
        let fraction = Double(progress.bytesDone) / Double(progress.bytesTotal)
        return Progress(
            fraction: min(max(fraction, 0), 1), text: "\(verb): " + parts.joined(separator: ", "))
    }

    private static func amount(_ done: Int64, of total: Int64) -> String {
        guard total >= 1_000_000_000 else {
            return "\(done / 1_000_000) of \(total / 1_000_000) MB"
        }
        return "\(gigabytes(done)) of \(gigabytes(total)) GB"
    }

    private static func gigabytes(_ bytes: Int64) -> String {
        let tenths = bytes / 100_000_000
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// As exact as a guess is.
    private static func time(_ seconds: Double) -> String {
        switch seconds {
        case ..<55: "\(max(5, Int((seconds / 5).rounded()) * 5)) s"
        case ..<5_400: "\(max(1, Int((seconds / 60).rounded()))) min"
        case ..<360_000: "\(Int((seconds / 3_600).rounded())) h"
        default: "more than 100 h"
        }
    }
}
