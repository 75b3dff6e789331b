import FleetCore
import HTTPTypes
import Hummingbird
import NIOCore
import ObjectStore

extension APIServer {
    /// The longest name of a file, in characters; the agent counts bytes.
    private static let fileNameLimit = 255

    func addJobParts(_ api: RouterGroup<Context>) {
        api.get("/jobs/:id/logs") { request, context in
            try await logs(request, JobID(try name(context, "id")), context)
        }
        api.get("/jobs/:id/outputs") { _, context in
            let job = try await find(JobID(try name(context, "id")))
            let view = JobView(job, in: nil, at: loop.clock.now)
            return try JSONAnswer.response(Page(items: view.outputs, next: nil))
        }
        api.get("/jobs/:id/outputs/:name") { _, context in
            let id = JobID(try name(context, "id"))
            let name = try name(context, atMost: Self.fileNameLimit)
            let job = try await find(id)
            guard let output = job.ending?.outputs.first(where: { $0.name == name }) else {
                throw APIError.notFound("output \(name) of job \(id)")
            }
            return try await output.response(from: objects)
        }
    }
}

extension Output {
    /// The bytes of an output, streamed.
    func response(from objects: any ObjectStore) async throws -> Response {
        let object: StoredObject
        do {
            object = try await objects.get(try ObjectKey(key), range: nil)
        } catch let failure where failure.code != .notFound {
            throw APIError.objectsAway(failure)
        } catch {
            throw APIError(
                .notFound, "output_gone", "output \(name) is not in the object store any more")
        }
        var headers: HTTPFields = [
            .contentType: contentType,
            // What a job made is never run by a browser.
            .contentDisposition: name.asAttachment,
        ]
        if let option = HTTPField.Name("X-Content-Type-Options") { headers[option] = "nosniff" }
        headers[.contentLength] = "\(object.info.size)"
        return Response(
            status: .ok, headers: headers, body: ResponseBody(asyncSequence: object.body))
    }
}
