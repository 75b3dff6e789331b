package import FleetCore
package import Settings

/// Reads `cluster.yaml`: all of it is right and there is a fleet, or every mistake is named and there is none.
package enum FleetFile {
    /// What a file holds.
    package struct Parsed: Sendable {
        /// The fleet; nil when there was any mistake.
        package let spec: FleetSpec?
        /// Every mistake, by line.
        package let mistakes: [Mistake]
    }

    /// The most nodes of a fleet.
    package static let nodeLimit = 10_000

    /// Reads a file's text; `name` is what mistakes call it, `cluster.yaml`.
    package static func parse(text: String, name: String) -> Parsed {
        var mistakes = MistakeList(source: name)
        guard let root = YamlReader.read(text, into: &mistakes) else {
            return Parsed(spec: nil, mistakes: mistakes.sorted)
        }
        var reader = FleetReader(mistakes: mistakes)
        var draft = reader.fleet(root)
        var checks = FleetChecks(mistakes: reader.mistakes)
        checks.run(&draft)
        let found = checks.mistakes.sorted
        return Parsed(spec: found.isEmpty ? draft.spec : nil, mistakes: found)
    }
}
