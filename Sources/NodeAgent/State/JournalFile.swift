import FleetCore
import Foundation
import Logging

/// The journal on the disk.
struct JournalFile: Sendable {
    /// Where it is.
    let path: String
    /// The version of its form; a file of another one is moved aside.
    static let version = 1

    private struct Form: Codable {
        var version: Int
        var journal: AgentJournal
    }

    /// What an earlier life left; an unreadable file is moved aside and an empty journal returned.
    ///
    /// Nothing is lost for good by that: the controller knows what this node has, and is told that
    /// the agent does not.
    func load(logger: Logger) throws(AgentError) -> AgentJournal {
        guard let bytes = try DurableFile.read(path) else { return AgentJournal() }
        let why: String
        do {
            let form = try JSONDecoder().decode(Form.self, from: Data(bytes))
            if form.version == Self.version { return form.journal }
            why = "it is of version \(form.version), not \(Self.version)"
        } catch {
            why = "it is damaged"
        }
        let aside = try moveAside()
        logger.error(
            "journal cannot be used; moved aside, starting without one",
            metadata: ["reason": "\(why)", "journal.path": "\(path)", "journal.aside": "\(aside)"])
        return AgentJournal()
    }

    /// Replaces the journal, durably.
    func save(_ journal: AgentJournal) throws(AgentError) {
        let data: Data
        do {
            data = try JSONEncoder().encode(Form(version: Self.version, journal: journal))
        } catch {
            throw AgentError(.state, "the journal cannot be written as JSON: \(error)")
        }
        try DurableFile.write([UInt8](data), to: path)
    }

    private func moveAside() throws(AgentError) -> String {
        for number in 1...1_000 {
            let aside = "\(path).damaged-\(number)"
            if FileManager.default.fileExists(atPath: aside) { continue }
            do {
                try FileManager.default.moveItem(atPath: path, toPath: aside)
            } catch {
                throw AgentError(.state, "cannot move the damaged \(path) aside: \(error)")
            }
            return aside
        }
        throw AgentError(.state, "there are 1000 damaged journals beside \(path); look at them")
    }
}
