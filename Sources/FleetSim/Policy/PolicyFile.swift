package import FleetCore
package import Foundation

/// A scheduling rule with a name, as it is compared.
package struct NamedPolicy: Hashable, Sendable {
    /// The name.
    package let name: String
    /// The rule, for every cluster.
    package let scaling: ScalingSpec

    /// Creates a policy.
    package init(name: String, scaling: ScalingSpec) {
        self.name = name
        self.scaling = scaling
    }

    /// The rules that ship, with their defaults.
    package static let shipped: [NamedPolicy] = OverflowPolicy.allCases
        .filter { $0 != .never }
        .map { NamedPolicy(name: $0.rawValue, scaling: ScalingSpec(overflow: $0)) }

    /// Why a file holds no policies.
    package struct Mistake: Error, CustomStringConvertible {
        /// What is wrong.
        package let description: String
    }

    private struct Form: Decodable {
        var overflow: String?
        var backlogFactor: Int?
        var maxRoamers: Int?
        var releaseIdleSeconds: Int?
    }

    /// Reads policies by name from JSON, with the keys of a cluster's `scaling` block:
    /// `{"mine": {"overflow": "backlog", "backlog_factor": 3, "max_roamers": 2,
    /// "release_idle_seconds": 60}}`.
    package static func read(_ data: Data) throws(Mistake) -> [NamedPolicy] {
        guard data.count <= 1 << 20 else { throw Mistake(description: "it is larger than 1 MiB") }
        let forms: [String: Form]
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            forms = try decoder.decode([String: Form].self, from: data)
        } catch {
            throw Mistake(
                description: "it is no JSON object of policies by name, each an object with "
                    + "overflow, backlog_factor, max_roamers, release_idle_seconds")
        }
        guard !forms.isEmpty, forms.count <= 20 else {
            throw Mistake(description: "it holds \(forms.count) policies; 1 to 20 can be compared")
        }
        var policies: [NamedPolicy] = []
        for (name, form) in forms.sorted(by: { $0.key < $1.key }) {
            policies.append(NamedPolicy(name: name, scaling: try scaling(name, form)))
        }
        return policies
    }

    private static func scaling(_ name: String, _ form: Form) throws(Mistake) -> ScalingSpec {
        var scaling = ScalingSpec()
        if let text = form.overflow {
            guard let overflow = OverflowPolicy(rawValue: text) else {
                let all = OverflowPolicy.allCases.map(\.rawValue).joined(separator: ", ")
                throw Mistake(description: "\(name): overflow \"\(text)\" is none of \(all)")
            }
            scaling.overflow = overflow
        }
        scaling.backlogFactor = try bounded(name, "backlog_factor", form.backlogFactor, 1_000) ?? 2
        scaling.maxRoamers = try bounded(name, "max_roamers", form.maxRoamers, 1_000) ?? 3
        if let seconds = try bounded(
            name, "release_idle_seconds", form.releaseIdleSeconds, 86_400)
        {
            scaling.releaseIdle = .seconds(seconds)
        }
        return scaling
    }

    private static func bounded(
        _ name: String, _ key: String, _ value: Int?, _ most: Int
    ) throws(Mistake) -> Int? {
        guard let value else { return nil }
        guard (0...most).contains(value) else {
            throw Mistake(description: "\(name): \(key) takes 0 to \(most)")
        }
        return value
    }
}
