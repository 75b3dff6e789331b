/// How far a pull is, over all layers of the image.
package struct PullProgress: Sendable, Hashable {
    /// Bytes fetched so far.
    package var bytesDone: Int64 = 0
    /// Bytes to fetch, as far as known; grows while layers announce themselves.
    package var bytesTotal: Int64 = 0
    /// Whether every layer has announced itself.
    package var isTotalKnown = false
    /// Layers that are in place.
    package var layersDone: Int = 0
    /// Layers of the image, as far as known.
    package var layersTotal: Int = 0
    /// What is going on: `resolving`, `waiting`, `downloading`, `extracting` or `complete`.
    package var phase: String = "resolving"

    /// Creates the progress of a pull that has not begun.
    package init() {}
}

/// Adds the pull stream's messages up to a progress.
struct PullTracker: Sendable {
    private struct Layer {
        var current: Int64 = 0
        var total: Int64 = 0
        var stage = Stage.waiting
    }

    private enum Stage: Int, Comparable {
        case waiting, downloading, downloaded, extracting, done

        static func < (left: Stage, right: Stage) -> Bool { left.rawValue < right.rawValue }
    }

    /// Real images have at most 127 layers; more would be a daemon gone wrong.
    private static let layersMax = 1024

    private var layers: [String: Layer] = [:]
    private(set) var progress = PullProgress()

    /// True while some layer is unpacked, which can be silent for long on slow disks.
    var isExtracting: Bool { progress.phase == "extracting" }

    /// Takes one message; true when it changed the progress.
    mutating func note(_ message: JSONValue) -> Bool {
        let before = progress
        let status = message["status"].string ?? ""
        if status.hasPrefix("Status: ") {
            progress.phase = "complete"
        } else if let id = message["id"].string, let stage = Self.stage(of: status) {
            guard layers[id] != nil || layers.count < Self.layersMax else { return false }
            update(id, stage, message["progressDetail"])
        }
        return progress != before
    }

    private mutating func update(_ id: String, _ stage: Stage, _ detail: JSONValue) {
        var layer = layers[id] ?? Layer()
        layer.stage = max(layer.stage, stage)
        if stage == .downloading {
            layer.current = max(0, detail["current"].int64 ?? layer.current)
            layer.total = max(layer.current, detail["total"].int64 ?? 0, layer.total)
        }
        if layer.stage >= .downloaded { layer.current = layer.total }
        layers[id] = layer
        sum()
    }

    private mutating func sum() {
        progress.bytesDone = 0
        progress.bytesTotal = 0
        progress.layersDone = 0
        progress.layersTotal = layers.count
        progress.isTotalKnown = layers.values.allSatisfy { $0.total > 0 || $0.stage >= .downloaded }
        var stages: Set<Stage> = []
        for layer in layers.values {
            progress.bytesDone = Self.adding(progress.bytesDone, layer.current)
            progress.bytesTotal = Self.adding(progress.bytesTotal, layer.total)
            progress.layersDone += layer.stage == .done ? 1 : 0
            stages.insert(layer.stage)
        }
        progress.phase =
            if stages.contains(.downloading) {
                "downloading"
            } else if stages.contains(.extracting) {
                "extracting"
            } else if stages.contains(.waiting) {
                "waiting"
            } else {
                "extracting"
            }
    }

    private static func adding(_ left: Int64, _ right: Int64) -> Int64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }

    private static func stage(of status: String) -> Stage? {
        switch status {
        case "Pulling fs layer", "Waiting": .waiting
        case "Downloading": .downloading
        case "Verifying Checksum", "Download complete": .downloaded
        case "Extracting": .extracting
        case "Pull complete", "Already exists": .done
        default: status.hasPrefix("Retrying in") ? .waiting : nil
        }
    }
}
