import FleetCore
package import ObjectStore

/// Says where an agent may put an output of an attempt that runs on it now.
package struct UploadDesk: Sendable {
    let loop: ControlLoop
    let objects: any ObjectStore
    /// How long a granted URL lives; an agent asks again when an upload is retried.
    static let lifeSeconds = 3_600

    /// Creates a desk.
    package init(loop: ControlLoop, objects: any ObjectStore) {
        self.loop = loop
        self.objects = objects
    }

    /// A grant, or a refusal with its reason.
    func grant(_ request: UploadRequest, to node: NodeName) async -> UploadGrant {
        guard request.size <= objects.putBytesMax else {
            return UploadGrant(
                refusal: "the object store takes \(objects.putBytesMax >> 30) GiB at most in a file"
            )
        }
        let kind = await loop.read { controller, _ -> JobKind? in
            guard let job = controller.jobs[request.key.job],
                let attempt = job.attempt(request.key.number), attempt.node == node,
                !attempt.state.isFinal
            else { return nil }
            return job.request.kind
        }
        guard let kind else {
            return UploadGrant(refusal: "attempt \(request.key) does not run on \(node) any more")
        }
        do {
            let key = try ObjectLayout.output(
                kind: kind.rawValue, job: request.key.job.rawValue, attempt: request.key.number,
                name: request.name)
            let signed = try await objects.presignPut(
                key, contentType: request.contentType, maxBytes: Int(request.size),
                expiresSeconds: Self.lifeSeconds)
            return UploadGrant(
                url: signed.url,
                headers: signed.headers.map { .init(name: $0.name, value: $0.value) },
                objectKey: key.text)
        } catch {
            return UploadGrant(refusal: error.message)
        }
    }
}
