import FleetCore
import HTTPTypes
import Hummingbird
import NIOCore
import ObjectStore

extension APIServer {
    func addJobParts(_ api: RouterGroup<Context>) {
        api.get("/jobs/:id/logs") { request, context in
            try await logs(request, JobID(try name(context, "id")))
        }
        api.get("/jobs/:id/outputs") { _, context in
            let job = try await find(JobID(try name(context, "id")))
            let view = JobView(job, in: nil, at: loop.clock.now)
            return try JSONAnswer.response(Page(items: view.outputs, next: nil))
        }
        api.get("/jobs/:id/outputs/:name") { _, context in
            let id = JobID(try name(context, "id"))
            let name = try name(context)
            let job = try await find(id)
            guard let output = job.ending?.outputs.first(where: { $0.name == name }) else {
                throw APIError.notFound("output \(name) of job \(id)")
            }
            return try await output.response(from: objects)
        }
    }

    /// The log of an attempt; with `follow` until the attempt has ended.
    private func logs(_ request: Request, _ id: JobID) async throws -> Response {
        let job = try await find(id)
        let number: Int
        if let text = request.uri.queryParameters["attempt"] {
            guard let wanted = Int(text), job.attempt(wanted) != nil else {
                throw APIError.notFound("attempt \(text) of job \(id)")
            }
            number = wanted
        } else {
            number = job.attempts.last?.number ?? 0
        }
        let follow = request.uri.queryParameters["follow"] == "true"
        let key = AttemptKey(job: id, number: number)
        let logs = logs
        let isOver: @Sendable () async -> Bool = { [loop] in
            await loop.read { controller, _ in
                controller.jobs[id]?.attempt(number)?.state.isFinal ?? true
            }
        }
        var headers: HTTPFields = [
            .contentType: "text/plain; charset=utf-8", .cacheControl: "no-store",
        ]
        if let name = HTTPField.Name("Jessica-Attempt") { headers[name] = "\(number)" }
        let feed = feed
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                let (watch, ticks) = await logs.watch(key)
                let (reader, events) = feed.follow()
                let changes = Self.changes(ticks, events, of: id)
                var wakes = changes.makeAsyncIterator()
                var offset: UInt64 = 0
                do {
                    while true {
                        // Asked before the last read, so that nothing written meanwhile is missed. The
                        // end of an attempt overtakes the last of its log on the link.
                        let over = follow ? await isOver() : true
                        if over, follow { try await Task.sleep(for: .milliseconds(300)) }
                        while true {
                            let bytes = await logs.read(key, from: offset, limit: 64 << 10)
                            if bytes.isEmpty { break }
                            offset += UInt64(bytes.count)
                            try await writer.write(ByteBuffer(bytes: bytes))
                        }
                        if over { break }
                        guard await wakes.next() != nil else { break }
                    }
                } catch {
                    await logs.unwatch(key, watch)
                    feed.unfollow(reader)
                    throw error
                }
                await logs.unwatch(key, watch)
                feed.unfollow(reader)
                try await writer.finish(nil)
            })
    }

    /// A tick with each piece of log and each change of the job.
    private static func changes(
        _ ticks: AsyncStream<Void>, _ events: AsyncStream<EventFeed.Item>, of id: JobID
    ) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let pump = Task {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { for await _ in ticks { continuation.yield() } }
                group.addTask {
                    for await item in events {
                        switch item {
                        case .event(let event) where event.job == id: continuation.yield()
                        case .ping: continuation.yield()
                        case .event: continue
                        }
                    }
                }
            }
            continuation.finish()
        }
        continuation.onTermination = { _ in pump.cancel() }
        return stream
    }
}

extension Output {
    /// The bytes of an output, streamed.
    func response(from objects: any ObjectStore) async throws -> Response {
        let object: StoredObject
        do {
            object = try await objects.get(try ObjectKey(key), range: nil)
        } catch {
            throw APIError(
                .notFound, "output_gone", "output \(name) is not in the object store any more")
        }
        var headers: HTTPFields = [
            .contentType: contentType,
            // What a job made is never run by a browser.
            .contentDisposition: "attachment; filename=\"\(name)\"",
        ]
        if let option = HTTPField.Name("X-Content-Type-Options") { headers[option] = "nosniff" }
        headers[.contentLength] = "\(object.info.size)"
        return Response(
            status: .ok, headers: headers, body: ResponseBody(asyncSequence: object.body))
    }
}
