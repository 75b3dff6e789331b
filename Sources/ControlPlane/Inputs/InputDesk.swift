import FleetCore
import Foundation
import ObjectStore
package import RedisStore

/// Says where an agent can read what the input of an attempt that runs on it refers to, and the input
/// itself where the record has not all of it.
package struct InputDesk: Sendable {
    let loop: ControlLoop
    let store: FleetStore
    let inputs: InputStore
    private let known = KnownReferences()
    private var objects: any ObjectStore { inputs.objects }
    /// How long a granted URL lives: a worker may read it late.
    static let lifeSeconds = 6 * 3_600

    /// Creates a desk.
    package init(loop: ControlLoop, store: FleetStore, inputs: InputStore) {
        self.loop = loop
        self.store = store
        self.inputs = inputs
    }

    /// The files, or a refusal with its reason.
    func grant(_ request: InputRequest, to node: NodeName) async -> InputGrant {
        do {
            return try await files(request, node)
        } catch let refusal as Refused {
            return InputGrant(refusal: refusal.why)
        } catch let error as ObjectStoreError where error.code == .notFound {
            return InputGrant(refusal: error.message)
        } catch let error as ObjectStoreError {
            return InputGrant(refusal: error.message, isPassing: true)
        } catch let error as APIError {
            return InputGrant(refusal: error.message, isPassing: true)
        } catch {
            return InputGrant(refusal: "the store does not answer: \(error)", isPassing: true)
        }
    }

    private struct Refused: Error {
        let why: String
    }

    private func files(_ request: InputRequest, _ node: NodeName) async throws -> InputGrant {
        // Nothing for an attempt that does not run there.
        let asked = await loop.read { controller, _ -> JobRequest? in
            guard let job = controller.jobs[request.key.job],
                let attempt = job.attempt(request.key.number), attempt.node == node,
                !attempt.state.isFinal
            else { return nil }
            return job.request
        }
        guard let asked else {
            throw Refused(why: "attempt \(request.key) does not run on \(node) any more")
        }
        let job = request.key.job
        if request.word == InputReference.storedKey, let whole = asked.stored {
            let file = try await sign(
                try ObjectLayout.input(job: job.rawValue), "input.json", "application/json",
                UInt64(clamping: whole.size))
            return InputGrant(total: 1, files: [file])
        }
        guard let reference = InputReference(key: request.word, text: request.text),
            try await references(of: job, asked).contains(reference)
        else {
            throw Refused(why: "the job's input does not refer to \"\(request.text)\"")
        }
        switch reference {
        case .upload(let id):
            let found = try await UploadedFile.find(id, of: asked.submittedBy, in: objects)
            guard let info = found else {
                throw Refused(why: "\(asked.submittedBy) has no file of upload \(id)")
            }
            let file = try await sign(
                info.key, UploadedFile.name(of: info.key), info.contentType,
                UInt64(clamping: info.size))
            return InputGrant(total: 1, files: [file])
        case .output(_, _, let name):
            let all = reference.prerequisites(among: asked.after)
            guard !all.isEmpty else {
                throw Refused(why: "\"\(request.text)\" is nothing that the job waited for")
            }
            let page = Array(all.dropFirst(max(request.offset, 0)).prefix(InputGrant.limit))
            let outputs = try await outputs(of: page)
            var files: [InputGrant.File] = []
            for other in page {
                files.append(try await file(name, of: other, outputs[other.job] ?? []))
            }
            return InputGrant(
                isList: reference.isList(among: asked.after), total: all.count, files: files)
        }
    }

    /// The references in a job's input: no node is told of what is not its job's.
    private func references(of job: JobID, _ asked: JobRequest) async throws -> [InputReference] {
        if let found = known.references(of: job) { return found }
        let input = try await inputs.whole(job, asked)
        let found = (try? InputReferences.all(in: JSONValue(text: input))) ?? []
        known.note(found, of: job)
        return found
    }

    private func outputs(of jobs: [Prerequisite]) async throws -> [JobID: [Output]] {
        let ids = jobs.map(\.job)
        var outputs = await loop.read { controller, _ in
            var outputs: [JobID: [Output]] = [:]
            for id in ids { outputs[id] = controller.jobs[id]?.ending?.outputs }
            return outputs
        }
        let past = ids.filter { outputs[$0] == nil }
        if !past.isEmpty {
            for job in try await store.readable(past).jobs {
                outputs[job.id] = job.ending?.outputs
            }
        }
        return outputs
    }

    private func file(
        _ name: String?, of other: Prerequisite, _ outputs: [Output]
    ) async throws -> InputGrant.File {
        guard let output = Self.choose(name, among: outputs) else {
            let there = outputs.map(\.name).joined(separator: ", ")
            let what = name.map { "no output \($0)" } ?? "not one output"
            throw Refused(
                why: "\(other.name) has \(what); it has \(there.isEmpty ? "none" : there)")
        }
        return try await sign(
            try ObjectKey(output.key), output.name, output.contentType, output.size)
    }

    /// The output of that name, with or without its ending, or the only one of that type of media;
    /// without a name, the only one.
    static func choose(_ name: String?, among outputs: [Output]) -> Output? {
        guard let name else { return outputs.count == 1 ? outputs.first : nil }
        if let exact = outputs.first(where: { $0.name == name }) { return exact }
        let stems = outputs.filter { $0.name.split(separator: ".").first.map(String.init) == name }
        if let only = stems.first { return stems.count == 1 ? only : nil }
        guard ["text", "image", "audio", "video"].contains(name) else { return nil }
        let typed = outputs.filter { $0.contentType.hasPrefix("\(name)/") }
        return typed.count == 1 ? typed.first : nil
    }

    private func sign(
        _ key: ObjectKey, _ name: String, _ type: String, _ size: UInt64
    ) async throws -> InputGrant.File {
        let signed = try await objects.presignGet(key, expiresSeconds: Self.lifeSeconds)
        return InputGrant.File(
            name: name, contentType: type, size: size, url: signed.url,
            headers: signed.headers.map { .init(name: $0.name, value: $0.value) })
    }
}
