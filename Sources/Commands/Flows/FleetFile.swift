import ArgumentParser
import Foundation
import NIOHTTP1

/// Which fleet file.
struct FleetFileOptions: ParsableArguments, Sendable {
    @Option(name: .shortAndLong, help: ArgumentHelp("The file; - is stdin.", valueName: "file"))
    var file: String
}

/// A fleet file on its way to the controller, which checks all of it before it changes anything.
struct FleetFile {
    let session: Session
    let options: FleetFileOptions
    let output: OutputOptions

    /// Sends the file and prints the changes; mistakes come as one error with a line for each.
    func post(dryRun: Bool) async throws -> FleetChanges {
        let text = try JobBody.read(options.file, session.context)
        let purpose = "\(dryRun ? "plan" : "apply") \(options.file)"
        let call = APIClient.Call(
            method: .POST,
            resource: Resource("fleet", query: [("dryRun", dryRun ? "true" : "false")]),
            headers: [("Content-Type", "application/yaml")], body: text, timeout: 60,
            purpose: purpose)
        let answer: Fetched<FleetChanges>
        do {
            answer = try await session.client().object(FleetChanges.self, call)
        } catch var error as CommandError where error.code == "invalid_fleet" {
            error.status = .usage
            error.details = error.details.map(located)
            throw error
        }
        Printer(session: session, options: output).object(answer.json) {
            lines(answer.model, dryRun: dryRun)
        }
        for note in answer.model.notes ?? [] { session.note(note) }
        return answer.model
    }

    /// The controller calls every file cluster.yaml; the person knows it by its path.
    private func located(_ mistake: String) -> String {
        let name = "cluster.yaml:"
        guard mistake.hasPrefix(name), options.file != "-" else { return mistake }
        return options.file + ":" + mistake.dropFirst(name.count)
    }

    private func lines(_ answer: FleetChanges, dryRun: Bool) -> [String] {
        let changes = answer.changes ?? []
        let revision = answer.revision?.text.map { " (revision \($0))" } ?? ""
        var lines = changes.map { change in
            let (sign, tone): (String, Style.Tone) =
                switch change.action {
                case "add": ("+", .good)
                case "remove": ("-", .bad)
                default: ("~", .warning)
                }
            let detail = change.detail.flatMap { $0.isEmpty ? nil : ": \($0)" } ?? ""
            return session.style.paint(
                SafeText.line("\(sign) \(change.what ?? "-")\(detail)"), tone)
        }
        let count = Humane.count(changes.count, "change")
        if changes.isEmpty {
            lines.append(SafeText.line("no change\(revision)"))
        } else if dryRun {
            lines.append("\(count) would be made")
        } else {
            lines.append(SafeText.line("\(count) applied\(revision)"))
        }
        return lines
    }
}
