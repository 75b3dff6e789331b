import FleetCore
import Settings

extension ClusterSpec {
    /// The fields by their keys in the file.
    var facts: [(String, FleetDiff.Fact)] {
        [
            ("nodes", .items(nodes.map(\.rawValue))),
            ("kinds", .items(kinds.map(\.rawValue))),
            ("service", .value(service?.rawValue ?? "")),
            ("template", .value(template?.rawValue ?? "")),
            ("scaling.backlog_factor", .value(String(scaling.backlogFactor))),
            ("scaling.overflow", .value(scaling.overflow.rawValue)),
            ("scaling.max_roamers", .value(String(scaling.maxRoamers))),
            ("scaling.release_idle", .value(DurationText.format(scaling.releaseIdle))),
            ("scaling.backup", .value(String(scaling.backup))),
        ]
    }
}

extension ServiceSpec {
    /// The fields by their keys in the file.
    var facts: [(String, FleetDiff.Fact)] {
        [
            ("replicas", .value(String(replicas))),
            ("startup_time", .value(startupTime.map(DurationText.format) ?? "")),
        ] + worker.facts
    }
}

extension TemplateSpec {
    /// The fields by their keys in the file.
    var facts: [(String, FleetDiff.Fact)] {
        [("startup_time", .value(DurationText.format(startupTime)))] + worker.facts
    }
}

extension WorkerSpec {
    /// The fields by their keys in the file.
    var facts: [(String, FleetDiff.Fact)] {
        [
            ("image", .value(image)),
            ("image.digest", .value(imageDigest.map(Self.short) ?? "")),
            ("contract", .value(contract.rawValue)),
            ("slots", .value(String(slots))),
            ("memory", .value(memory.map(SizeText.format) ?? "")),
            ("gpu", .value(String(gpu))),
            ("models", .items(models)),
            ("devices", .items(devices)),
            ("components", .items(components)),
            ("command", .value(command.map { $0.debugDescription }.joined(separator: " "))),
            ("networks", .items(networks)),
            ("large_outputs", .value(String(largeOutputs))),
        ]
    }

    /// As much of a digest as Docker shows.
    private static func short(_ digest: String) -> String {
        String(digest.prefix("sha256:".count + 12))
    }
}

extension LimitSpec {
    /// Where it stands in the file, below `limits`.
    var key: String {
        switch subject {
        case .submitter(let name): "submitters.\(name)"
        case .everySubmitter: "submitters.\(FleetReader.everybody)"
        case .label(let label): "labels.\(label.key)=\(label.value)"
        }
    }

    var facts: [(String, FleetDiff.Fact)] {
        [
            ("weight", .value(weight.map { "\($0)" } ?? "")),
            ("max_running", .value(maxRunning.map { "\($0)" } ?? "")),
            ("max_jobs", .value(maxOpen.map { "\($0)" } ?? "")),
            ("rate", .value(rate.map { "\($0.count) in \($0.per.components.seconds) s" } ?? "")),
        ]
    }
}
