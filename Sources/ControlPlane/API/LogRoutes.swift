import FleetCore
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Settings

extension APIServer {
    /// How long the last of a log is waited for when its attempt has ended and nothing comes: its node
    /// may be gone.
    private static let lastPieceWithin = Duration.seconds(5)

    /// The log of an attempt; with `follow` until the attempt has ended and its log is here.
    func logs(_ request: Request, _ id: JobID, _ context: Context) async throws -> Response {
        let job = try await find(id)
        let query = try LogQuery(request)
        let number = query.attempt ?? job.attempts.last?.number ?? 0
        guard query.attempt == nil || job.attempt(number) != nil else {
            throw APIError.notFound("attempt \(number) of job \(id)")
        }
        let key = AttemptKey(job: id, number: number)
        var writer = LogWriter(query)
        var first: [UInt8] = []
        var start = query.from
        var next = query.from
        if query.since != nil || query.tail != nil {
            var reader = await reader(key, from: next)
            if let since = query.since {
                var young = LogSince(loop.clock.now - since, from: start)
                while !young.isReached, let text = try await reader.next() { try young.add(text) }
                (first, start) = (young.text, young.offset)
            }
            if let lines = query.tail {
                var tail = LogTail(lines: lines, from: start)
                try tail.add(first)
                while let text = try await reader.next() { try tail.add(text) }
                (first, start) = (tail.text, tail.offset)
            }
            first = try writer.write(first)
            next = reader.offset
        }
        var headers: HTTPFields = [
            .contentType: "text/plain; charset=utf-8", .cacheControl: "no-store",
        ]
        if let name = HTTPField.Name("Jessica-Attempt") { headers[name] = "\(number)" }
        if let name = HTTPField.Name("Jessica-Log-Offset") { headers[name] = "\(start)" }
        let body =
            query.follow && number > 0
            ? try followed(key, from: next, writer, first, for: context)
            : whole(key, from: next, writer, first)
        return Response(status: .ok, headers: headers, body: body)
    }

    private func reader(_ key: AttemptKey, from offset: UInt64) async -> LogReader {
        let isFinal = await isFinal(key)
        return LogReader(
            key, store: logs, objects: objects, clock: loop.clock, from: offset,
            isOver: key.number > 0 && isFinal)
    }

    private func whole(
        _ key: AttemptKey, from offset: UInt64, _ writer: LogWriter, _ first: [UInt8]
    ) -> ResponseBody {
        ResponseBody { [self] out in
            var reader = await reader(key, from: offset)
            var writer = writer
            if !first.isEmpty { try await out.write(ByteBuffer(bytes: first)) }
            while let text = try await reader.next() {
                try await out.write(ByteBuffer(bytes: writer.write(text)))
            }
            try await out.finish(nil)
        }
    }

    private func followed(
        _ key: AttemptKey, from offset: UInt64, _ writer: LogWriter, _ first: [UInt8],
        for context: Context
    ) throws -> ResponseBody {
        let follower = try follow(with: context)
        return ResponseBody { [self] out in
            let (watch, ticks) = await logs.watch(key)
            let (changes, wake) = Self.changes(ticks, follower, of: key.job)
            var wakes = changes.makeAsyncIterator()
            let result: Result<Void, any Error>
            do {
                var reader = await reader(key, from: offset)
                var writer = writer
                if !first.isEmpty { try await out.write(ByteBuffer(bytes: first)) }
                var patience: ContinuousClock.Instant?
                while true {
                    // Asked before the last read, so that nothing written meanwhile is missed.
                    let isComplete = await logs.isEnded(key)
                    while let text = try await reader.next() {
                        patience = nil
                        if follower.isOver { throw CancellationError() }
                        try await out.write(ByteBuffer(bytes: writer.write(text)))
                    }
                    if isComplete { break }
                    // The end of an attempt may overtake the last of its log, or come alone.
                    if await isFinal(key) {
                        if let patience, patience <= .now { break }
                        if patience == nil {
                            patience = .now + Self.lastPieceWithin
                            Task {
                                try await Task.sleep(for: Self.lastPieceWithin, clock: .continuous)
                                wake.yield()
                            }
                        }
                    }
                    guard await wakes.next() != nil else { break }
                    // Cut off, as a log that ends is read as whole.
                    if follower.isOver { throw CancellationError() }
                }
                result = .success(())
            } catch {
                result = .failure(error)
            }
            await logs.unwatch(key, watch)
            try result.get()
            try await out.finish(nil)
        }
    }

    private func isFinal(_ key: AttemptKey) async -> Bool {
        await loop.read { controller, _ in
            controller.jobs[key.job]?.attempt(key.number)?.state.isFinal ?? true
        }
    }

    /// A tick with each piece of log and each change of the job.
    private static func changes(
        _ ticks: AsyncStream<Void>, _ reader: EventReader, of id: JobID
    ) -> (AsyncStream<Void>, AsyncStream<Void>.Continuation) {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let pump = Task {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { for await _ in ticks { continuation.yield() } }
                group.addTask {
                    while let item = await reader.next() {
                        switch item {
                        case .events(let events):
                            if events.contains(where: { $0.event.job == id }) {
                                continuation.yield()
                            }
                        case .live: continue
                        case .ping, .behind: continuation.yield()
                        }
                    }
                    // It may have been ended.
                    continuation.yield()
                }
            }
            continuation.finish()
        }
        continuation.onTermination = { _ in pump.cancel() }
        return (stream, continuation)
    }
}
