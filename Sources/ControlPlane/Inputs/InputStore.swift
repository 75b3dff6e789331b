import Crypto
import FleetCore
import Foundation
import HTTPTypes
package import Logging
import NIOCore
package import ObjectStore
import Settings
import Synchronization

/// Keeps inputs that are too large for the record in the object store, at `inputs/JOB.json`.
package struct InputStore: Sendable {
    let objects: any ObjectStore
    /// How long an upload can be the input of new jobs.
    let keepUploads: Duration
    let logger: Logger

    /// The largest input that stands in the record itself, in bytes of JSON.
    static let inlineMax = 512
    /// The largest that stands there when the object store takes none: better a larger record than no job.
    static let inlineMaxWithoutStore = 8 << 10
    /// How long anybody waits for the object store here.
    private static let patience = Duration.seconds(3)
    /// Objects of one plan that are written or removed at a time.
    private static let atOnce = 16

    /// Creates a store.
    package init(objects: any ObjectStore, keepUploads: Duration, logger: Logger) {
        self.objects = objects
        self.keepUploads = keepUploads
        self.logger = logger
    }

    /// Jobs as they go into the record: large inputs are stored, and abridged copies are in their place.
    ///
    /// Throws `APIError` when one can neither be stored nor stand in the record; then nothing is stored.
    func keep(_ jobs: [PlanRequest.Member]) async throws -> [PlanRequest.Member] {
        var kept = jobs
        let large = jobs.indices.filter { jobs[$0].request.input.utf8.count > Self.inlineMax }
        // Once it has failed it is not asked again: a plan would wait for each of its jobs.
        let trouble = Trouble()
        do {
            let requests = try await Self.each(large) { place in
                try await keep(jobs[place].request, of: jobs[place].id, trouble)
            }
            for (place, request) in requests { kept[place].request = request }
        } catch {
            await drop(large.map { jobs[$0].id })
            throw error
        }
        if let error = trouble.error {
            logger.warning(
                "inputs of jobs stay in the record: the object store takes none",
                metadata: ["jobs": "\(large.count)", "error": "\(error.message)"])
        }
        return kept
    }

    /// What went wrong first, for those who come after.
    private final class Trouble: Sendable {
        private let first = Mutex<ObjectStoreError?>(nil)
        var error: ObjectStoreError? { first.withLock { $0 } }
        func note(_ error: ObjectStoreError) { first.withLock { $0 = $0 ?? error } }
    }

    /// Does the same with every item, some at a time.
    private static func each<Item: Sendable, Result: Sendable>(
        _ items: [Item], _ body: @escaping @Sendable (Item) async throws -> Result
    ) async throws -> [(Item, Result)] {
        try await withThrowingTaskGroup(of: (Item, Result).self) { group in
            var results: [(Item, Result)] = []
            for (number, item) in items.enumerated() {
                if number >= atOnce, let result = try await group.next() { results.append(result) }
                group.addTask { (item, try await body(item)) }
            }
            for try await result in group { results.append(result) }
            return results
        }
    }

    private func keep(
        _ request: JobRequest, of id: JobID, _ trouble: Trouble
    ) async throws -> JobRequest {
        do {
            if let earlier = trouble.error { throw earlier }
            try await put(request.input, of: id)
        } catch let error as ObjectStoreError {
            trouble.note(error)
            guard request.input.utf8.count <= Self.inlineMaxWithoutStore else {
                throw APIError.objectsAway(error)
            }
            return request
        }
        var kept = request
        kept.stored = Self.stored(request.input)
        kept.input = Abridged.input(request.input)
        return kept
    }

    /// What the record says of an input that lies in the object store.
    static func stored(_ input: String) -> StoredInput {
        let bytes = Array(input.utf8)
        return StoredInput(size: bytes.count, digest: SHA256.hash(data: bytes).hexadecimal)
    }

    /// Puts a job's input into the object store; throws `ObjectStoreError`.
    func put(_ input: String, of job: JobID) async throws {
        let key = try ObjectLayout.input(job: job.rawValue)
        try await within(Self.patience) {
            try await objects.put(
                key, .bytes(ByteBuffer(string: input)), contentType: "application/json")
        }
    }

    /// Asks the object store, which is away when it has not answered in time.
    private func within<Result: Sendable>(
        _ limit: Duration, _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        if let result = try await withLimit(limit, body) { return result }
        throw ObjectStoreError(.unavailable, "It does not answer within \(limit).")
    }

    /// Removes the inputs of jobs that were not accepted; what stays is found by the sweeper.
    func drop(_ jobs: [JobID]) async {
        _ = try? await within(Self.patience) {
            try await Self.each(jobs) { job in
                if let key = try? ObjectLayout.input(job: job.rawValue) {
                    try? await objects.delete(key)
                }
            }
        }
    }

    /// Refuses jobs whose inputs refer to uploads that their submitter has not, or not any more.
    ///
    /// When the object store does not answer, the agents will find out.
    func requireUploads(of jobs: [PlanRequest.Member], at now: Instant) async throws {
        struct Upload: Hashable {
            let id: String
            let owner: SubmitterName
        }
        var uploads: Set<Upload> = []
        for job in jobs where job.request.input.contains("\"\(InputReference.uploadKey)\"") {
            for case .upload(let id) in try InputReferences.all(
                in: JSONValue(text: job.request.input))
            {
                uploads.insert(Upload(id: id, owner: job.request.submittedBy))
            }
        }
        guard uploads.count <= Self.uploadsMax else {
            throw APIError.impossible(
                "a plan refers to \(Self.uploadsMax) uploads at most, not \(uploads.count)")
        }
        let (oldest, trouble) = (now - keepUploads, Trouble())
        let found = try await Self.each(Array(uploads)) { upload in
            guard let made = JobIDMint.time(of: upload.id), made > oldest else { return false }
            // Once it is away it is not asked again.
            guard trouble.error == nil else { return true }
            do {
                return try await within(Self.patience) {
                    try await UploadedFile.find(upload.id, of: upload.owner, in: objects) != nil
                }
            } catch let error as ObjectStoreError {
                trouble.note(error)
                return true
            }
        }
        let missing = found.filter { !$0.1 }.map(\.0.id).sorted()
        guard let first = missing.first else { return }
        throw APIError(
            .unprocessableContent, "input_missing",
            "the input refers to upload `\(first.prefix(40))`, and you have no file of it",
            details: Array(missing.prefix(20)))
    }

    /// Different uploads that the jobs of a plan may refer to.
    private static let uploadsMax = 1_000

    /// All of a job's input, if it comes in time; throws `ObjectStoreError` when it is not there, or is
    /// another.
    func whole(_ job: JobID, _ request: JobRequest) async throws -> String {
        guard let stored = request.stored else { return request.input }
        let key = try ObjectLayout.input(job: job.rawValue)
        return try await within(Self.patience) {
            let bytes = try await objects.get(key, range: nil).body
                .collect(limit: StoredInput.sizeLimit).readableBytesView
            guard SHA256.hash(data: bytes).hexadecimal == stored.digest else {
                throw ObjectStoreError(
                    .badResponse, "The input of job \(job) is not what was stored.")
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}
