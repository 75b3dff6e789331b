import Crypto
import Foundation

/// Brings a job's outputs to the person: short texts to stdout, files to a folder.
struct OutputSaver {
    let session: Session
    let client: APIClient

    /// The longest text that is printed, in bytes.
    private static let textLimit = 65_536.0

    /// Prints short texts, saves everything to the folder if there is one, else lists the rest.
    func deliver(_ job: Job, to folder: String?) async throws {
        let outputs = job.outputs ?? []
        guard !outputs.isEmpty else { return session.note("job \(job.id) left no outputs") }
        var listed: [Job.Output] = []
        for output in outputs {
            let isText = Self.isShortText(output)
            if isText { try await printText(output, of: job) }
            if let folder {
                let path = try await save(output, of: job, to: folder)
                isText ? session.note("saved \(path)") : session.out(SafeText.line(path))
            } else if !isText {
                listed.append(output)
            }
        }
        guard !listed.isEmpty else { return }
        let table = OutputTables.outputs(listed)
        session.out(table.lines(width: session.width, style: session.style))
        session.note("save them with: jctl outputs \(job.id) --out DIR")
    }

    /// Saves one output; answers where.
    func save(_ output: Job.Output, of job: Job, to folder: String) async throws -> String {
        let file = try OutputFile(folder: folder, name: output.name)
        do {
            var sha = SHA256()
            try await read(output, of: job) {
                sha.update(data: $0)
                try file.write($0)
            }
            try check(output, sha.finalize())
        } catch {
            file.discard()
            throw error
        }
        return try file.commit()
    }

    /// Refuses what is not what the worker wrote.
    private func check(_ output: Job.Output, _ digest: SHA256.Digest) throws {
        guard let wanted = output.digest, wanted.hasPrefix("sha256:") else { return }
        let found = "sha256:" + digest.hexadecimal
        guard found == wanted else {
            throw CommandError(
                .failed, "output \(output.name) came damaged",
                why: "it hashes to \(found) instead of \(wanted)",
                hint: "try again; if it stays so, the object store has lost it")
        }
    }

    private static func isShortText(_ output: Job.Output) -> Bool {
        let type = (output.contentType ?? "").lowercased().prefix { $0 != ";" }
        let isText = type.hasPrefix("text/") || type == "application/json"
        return isText && (output.size ?? .infinity) <= textLimit
    }

    private func printText(_ output: Job.Output, of job: Job) async throws {
        var text = Data()
        try await read(output, of: job) { chunk in
            // The size was announced; one that lies is cut rather than trusted.
            if Double(text.count) <= Self.textLimit { text.append(chunk) }
        }
        let console = session.context.console
        if console.outIsTerminal {
            text = Data(SafeText.block(String(decoding: text, as: UTF8.self)).utf8)
        }
        if text.last != UInt8(ascii: "\n") { text.append(UInt8(ascii: "\n")) }
        console.writeOut(text)
    }

    private func read(
        _ output: Job.Output, of job: Job, _ take: (Data) throws -> Void
    ) async throws {
        let call = APIClient.Call(
            resource: Resource("jobs", job.id, "outputs", output.name),
            purpose: "get output \(output.name) of job \(job.id)")
        try await client.stream(call) { try take($0) }
    }
}
