package import FleetCore
import Settings

/// What changes from one fleet to another.
package enum FleetDiff {
    /// The changes in the order of the file, what goes after what stays; empty when both mean the same.
    ///
    /// The order of clusters, services and templates means nothing and is not compared; that of nodes does.
    package static func between(old: FleetSpec?, new: FleetSpec) -> [Change] {
        let old = old ?? FleetSpec(fleet: "")
        var changes = Changes()
        changes.value("fleet", old.fleet, new.fleet)
        changes.value("registry", old.registry, new.registry)
        changes.value("models.source", old.models?.source, new.models?.source)
        changes.value("models.mount", old.models?.mount, new.models?.mount)
        changes.value("storage.endpoint", old.storage?.endpoint, new.storage?.endpoint)
        changes.value("storage.bucket", old.storage?.bucket, new.storage?.bucket)
        changes.named("clusters", old.clusters, new.clusters, name: \.name.rawValue) { $0.facts }
        changes.items(
            "roamers.nodes", old.roamers.map(\.rawValue), new.roamers.map(\.rawValue))
        changes.named("services", old.services, new.services, name: \.name.rawValue) { $0.facts }
        changes.named("templates", old.templates, new.templates, name: \.name.rawValue) { $0.facts }
        changes.named("limits", old.limits, new.limits, name: \.key) { $0.facts }
        return changes.all
    }

    /// One difference between two fleets.
    package struct Change: Hashable, Sendable, Codable, CustomStringConvertible {
        /// What happens to it.
        package enum Action: String, Hashable, Sendable, Codable {
            /// It is new.
            case add
            /// It is there with another value.
            case change
            /// It goes.
            case remove
        }

        /// What happens.
        package let action: Action
        /// The dotted key, as in the file: `clusters.vision.nodes`.
        package let what: String
        /// The values, for people: `2 → 3`.
        package let detail: String

        /// Creates a change.
        package init(_ action: Action, _ what: String, _ detail: String) {
            self.action = action
            self.what = what
            self.detail = detail
        }

        /// `~ services.sdxl-api.replicas: 2 → 3`.
        package var description: String {
            let sign =
                switch action {
                case .add: "+"
                case .change: "~"
                case .remove: "-"
                }
            return detail.isEmpty ? "\(sign) \(what)" : "\(sign) \(what): \(detail)"
        }
    }

    /// A field of an object, for comparing and showing.
    enum Fact {
        case value(String)
        case items([String])

        var text: String {
            switch self {
            case .value(let text): text
            case .items(let items): items.joined(separator: ", ")
            }
        }
    }
}
