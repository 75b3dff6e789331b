import FleetCore
import Foundation
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import ObjectStore
import Testing

@testable import ControlPlane

@Suite("Logs of attempts")
struct LogTests {
    private let key = AttemptKey(job: "01jd3v5k8q2m7n4p6r8s0t1v2w", number: 1)
    private let now = Instant(nanoseconds: 1_700_000_000_000_000_000)
    private let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = NSTemporaryDirectory() + "logs-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    private func chunk(_ text: String, at offset: UInt64, isLast: Bool = false) -> LogChunk {
        var log: [UInt8] = []
        LogText.append(Array(text.utf8), from: .stdout, at: now.nanoseconds, to: &log)
        return LogChunk(key: key, offset: offset, text: log, isLast: isLast)
    }

    /// What a reader gets, without times.
    private func read(
        _ store: LogStore, _ objects: any ObjectStore, from offset: UInt64 = 0
    ) async throws -> String {
        var reader = LogReader(
            key, store: store, objects: objects, clock: AnchoredClock(), from: offset)
        var text = ""
        while let part = try await reader.next() {
            text += String(decoding: part, as: UTF8.self).split(separator: "\n")
                .map { $0.dropFirst(31) + "\n" }.joined()
        }
        return text
    }

    private func objects(_ folder: String) async throws -> FolderStore {
        let store = FolderStore(
            root: folder + "-objects", baseURL: "https://localhost/objects",
            signer: try URLSigner(secret: [UInt8](repeating: 7, count: 32)))
        try await store.prepare()
        return store
    }

    @Test("What came before is passed over, what is missing is noted, and a restart loses nothing")
    func pieces() async throws {
        try await withFolder { folder in
            let objects = try await objects(folder)
            var store = try LogStore(root: folder, logger: quiet)
            #expect(try await !store.append(chunk("one\ntwo", at: 0), now: now))
            #expect(try await !store.append(chunk("one\ntwo and\n", at: 0), now: now))
            store = try LogStore(root: folder, logger: quiet)
            #expect(try await !store.append(chunk("more\n", at: 20), now: now))
            #expect(try await store.append(chunk("", at: 27, isLast: true), now: now))
            // Nobody writes behind the end.
            #expect(try await !store.append(chunk("late\n", at: 27), now: now))
            let log = """
                stdout F one
                stdout P two
                stdout F  and
                system F 8 bytes left out
                stdout F more
                system F 2 bytes left out

                """
            #expect(try await read(store, objects) == log)
            #expect(try await read(store, objects, from: 9) == "stdout F nd\n" + log.dropFirst(40))
        }
    }

    @Test("Of a long log the beginning and the end are kept, and it says how much is between")
    func long() async throws {
        try await withFolder { folder in
            let objects = try await objects(folder)
            let store = try LogStore(root: folder, logger: quiet)
            let line = String(repeating: "x", count: 999) + "\n"
            var offset: UInt64 = 0
            for number in 0..<1_500 {
                let text = "\(number)\n" + String(repeating: line, count: 20)
                _ = try await store.append(chunk(text, at: offset), now: now)
                offset += UInt64(text.utf8.count)
            }
            #expect(await store.local().map(\.bytes).reduce(0, +) <= 9 << 20)
            let files = try LogFiles(folder: "\(folder)/\(key.job)", attempt: 1)
            #expect(files.end == offset)
            let text = try files.whole(now: 0)
            let (part, end) = try LogText.part(behind: .max, of: text, at: 0)
            #expect(part.isEmpty && end == offset)
            let log = try await read(store, objects)
            #expect(log.hasPrefix("stdout F 0\nstdout F xxx"))
            #expect(log.contains("stdout F 1499\n"))
            #expect(log.split(separator: "\n").count { $0.hasPrefix("system") } == 1)
        }
    }

    @Test("What the disk does not take is noted when it takes again")
    func fullDisk() async throws {
        try await withFolder { folder in
            let objects = try await objects(folder)
            let store = try LogStore(root: folder, logger: quiet)
            // A folder in the file's place fails every write.
            let obstacle = "\(folder)/\(key.job)/1.0.log/x"
            try FileManager.default.createDirectory(
                atPath: obstacle, withIntermediateDirectories: true)
            #expect(try await !store.append(chunk("lost\n", at: 0, isLast: true), now: now))
            try FileManager.default.removeItem(atPath: "\(folder)/\(key.job)/1.0.log")
            _ = try await store.append(chunk("kept\n", at: 5), now: now)
            #expect(
                try await read(store, objects) == "system F 5 bytes left out\nstdout F kept\n")
        }
    }

    @Test("What a crash left of a record is cut off")
    func torn() async throws {
        try await withFolder { folder in
            let objects = try await objects(folder)
            let first = try LogStore(root: folder, logger: quiet)
            _ = try await first.append(chunk("one\ntwo\n", at: 0), now: now)
            let path = "\(folder)/\(key.job)/1.0.log"
            let data = try Data(contentsOf: URL(filePath: path))
            try data.dropLast(3).write(to: URL(filePath: path))
            let store = try LogStore(root: folder, logger: quiet)
            _ = try await store.append(chunk("two\n", at: 4), now: now)
            #expect(try await read(store, objects) == "stdout F one\nstdout F two\n")
        }
    }

    @Test(
        "An ended log moves to the object store, under a reader too, and goes when its time is over"
    )
    func archive() async throws {
        try await Plane.with { plane, _ in
            let (store, objects) = (plane.api.logs, plane.api.objects)
            let lines = (0..<30_000).map { "line \($0)\n" }
            var offset: UInt64 = 0
            for part in stride(from: 0, to: lines.count, by: 1_000) {
                let text = lines[part..<part + 1_000].joined()
                _ = try await store.append(chunk(text, at: offset), now: now)
                offset += UInt64(text.utf8.count)
            }
            let whole = lines.map { "stdout F \($0)" }.joined()
            #expect(try await read(store, objects) == whole)
            var reader = LogReader(
                key, store: store, objects: objects, clock: AnchoredClock(), from: 0)
            let first = try #require(try await reader.next())
            _ = try await store.append(chunk("", at: offset, isLast: true), now: now)
            let archive = LogArchive(
                store: store, objects: objects, loop: plane.loop, record: plane.store,
                keep: .seconds(86_400), logger: quiet)
            await archive.move(key)
            #expect(await store.local().isEmpty)
            #expect(await store.isEnded(key))
            var rest: [UInt8] = []
            while let part = try await reader.next() { rest += part }
            var length = 0
            while let record = try LogText.record(in: first + rest, at: length) {
                length = record.end
            }
            #expect(reader.offset == offset && length == first.count + rest.count)
            #expect(try await read(store, objects) == whole)
            #expect(
                try await read(store, objects, from: offset - 5) == "stdout F 9999\n".suffix(14))
            // That job is of 2024, and what lies before it in the order of names stands in no way.
            let stray = try ObjectLayout.log(job: "00-mine", attempt: 1)
            try await objects.put(stray, .bytes(ByteBuffer(string: "x")), contentType: "text/plain")
            try FileManager.default.createDirectory(
                atPath: "\(plane.directory)/logs/00-mine", withIntermediateDirectories: true)
            await archive.expire()
            #expect(try await read(store, objects).isEmpty)
            let left = try await objects.list(prefix: "logs/", next: nil, limit: 9).objects
            #expect(left.map(\.key) == [stray])
            #expect(await store.jobs() == ["00-mine"])
        }
    }

    @Test("A log that an earlier leader has moved is joined with what the next one has of it")
    func movedTwice() async throws {
        try await Plane.with { plane, _ in
            let objects = plane.api.objects
            func move(_ chunk: LogChunk) async throws -> LogStore {
                let folder = "\(plane.directory)/logs-\(UInt64.random(in: 0 ... .max))"
                let store = try LogStore(root: folder, logger: quiet)
                _ = try await store.append(chunk, now: now)
                await LogArchive(
                    store: store, objects: objects, loop: plane.loop, record: plane.store,
                    keep: .seconds(86_400), logger: quiet
                ).move(key)
                #expect(await store.local().isEmpty)
                return store
            }
            _ = try await move(chunk("one\ntwo\nthr", at: 0, isLast: true))
            // The node's answer was lost, and it has only the end of its log for the next leader.
            var store = try await move(chunk("wo\nthree\n", at: 5, isLast: true))
            let lines = ["one", "two"].map { "stdout F \($0)\n" }.joined()
            #expect(
                try await read(store, objects) == lines + "stdout P thr\nstdout F ee\n")
            // One who comes back with the beginning alone takes nothing away.
            store = try await move(chunk("one\n", at: 0))
            #expect(
                try await read(store, objects) == lines + "stdout P thr\nstdout F ee\n")
            // What lies there and is no log stands in no way.
            try await objects.put(
                try ObjectLayout.log(job: key.job.rawValue, attempt: key.number),
                .bytes(ByteBuffer(string: "x")), contentType: "text/plain")
            store = try await move(chunk("one\n", at: 0))
            #expect(try await read(store, objects) == "stdout F one\n")
        }
    }

    @Test(
        "A log that another leader has moved is read from the object store once its attempt ended")
    func movedElsewhere() async throws {
        try await Plane.with { plane, _ in
            let id = plane.api.mint.mint(at: plane.loop.clock.now)
            let attempt = Attempt(
                number: 1, node: "agx-01", worker: nil, roamer: false, hedge: false,
                assignedAt: plane.loop.clock.now)
            try await plane.past(id, attempts: [attempt])
            let application = Application(router: plane.api.router(tokens: nil))
            try await application.test(.router) { client in
                func log(_ query: String = "") async throws -> String {
                    try await client.execute(uri: "/api/v1/jobs/\(id)/logs\(query)", method: .get) {
                        String(buffer: $0.body)
                    }
                }
                #expect(try await log().isEmpty)
                try await plane.api.objects.put(
                    try ObjectLayout.log(job: id.rawValue, attempt: 1),
                    .bytes(ByteBuffer(bytes: chunk("one\ntwo\n", at: 0).text)),
                    contentType: "text/plain")
                #expect(try await log() == "one\ntwo\n")
                #expect(try await log("?tail=1") == "two\n")
            }
            // Of one that runs all that there is will come here.
            let key = AttemptKey(job: id, number: 1)
            var reader = LogReader(
                key, store: plane.api.logs, objects: plane.api.objects, clock: AnchoredClock(),
                from: 0)
            let nothing = try await reader.next()
            #expect(nothing == nil)
        }
    }

    @Test("The log of a job that was submitted long ago is kept from its end on")
    func endedLate() async throws {
        try await Plane.with { plane, _ in
            let (store, objects) = (plane.api.logs, plane.api.objects)
            let mint = JobIDMint()
            let (waiting, past, forgotten) = (
                mint.mint(at: now), mint.mint(at: now), mint.mint(at: now)
            )
            guard case .accepted? = await plane.submit(waiting) else {
                Issue.record("the job is not accepted")
                return
            }
            // As one that was tried again today; it is in the record only.
            try await plane.past(past)
            for id in [waiting, past, forgotten] {
                try await objects.put(
                    try ObjectLayout.log(job: id.rawValue, attempt: 1),
                    .bytes(ByteBuffer(string: "x")), contentType: "text/plain")
                try FileManager.default.createDirectory(
                    atPath: "\(plane.directory)/logs/\(id)", withIntermediateDirectories: true)
            }
            func expire(keeping keep: Duration) async throws -> (objects: [String], local: [String])
            {
                await LogArchive(
                    store: store, objects: objects, loop: plane.loop, record: plane.store,
                    keep: keep, logger: quiet
                ).expire()
                let left = try await objects.list(prefix: "logs/", next: nil, limit: 9).objects
                return (left.map { $0.key.components[1] }, await store.jobs())
            }
            let alive = [waiting, past].map(\.rawValue).sorted()
            var left = try await expire(keeping: .seconds(86_400))
            #expect(left.objects == alive && left.local == alive)
            // Whatever the time, one that is alive keeps the logs of its attempts.
            left = try await expire(keeping: .seconds(-60))
            #expect(left.objects == [waiting.rawValue] && left.local == [waiting.rawValue])
        }
    }

    @Test("A log of an attempt that nobody knows any more is moved by the sweep")
    func sweep() async throws {
        try await Plane.with { plane, _ in
            let store = plane.api.logs
            _ = try await store.append(chunk("a\n", at: 0), now: now)
            let archive = LogArchive(
                store: store, objects: plane.api.objects, loop: plane.loop, record: plane.store,
                keep: .seconds(3_600), logger: quiet)
            await archive.sweep()
            #expect(await store.local().count == 1)
            let path = "\(plane.directory)/logs/\(key.job)/1.0.log"
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -LogArchive.patience - 9)],
                ofItemAtPath: path)
            await archive.sweep()
            await archive.sweep()
            #expect(await store.local().isEmpty)
            #expect(try await read(store, plane.api.objects) == "stdout F a\n")
        }
    }

    @Test("The API gives a log as text, from its end, since a time, with times, and as it is kept")
    func api() async throws {
        try await Plane.with { plane, _ in
            let application = Application(router: plane.api.router(tokens: nil))
            try await application.test(.router) { client in
                let job = try await client.execute(
                    uri: "/api/v1/jobs", method: .post,
                    body: ByteBuffer(string: #"{"kind":"image","input":{"prompt":"x"}}"#)
                ) { response in
                    try JSONDecoder().decode(
                        JSONValue.self, from: Data(response.body.readableBytesView))
                }
                guard case .string(let id) = job["id"] else {
                    Issue.record("\(job)")
                    return
                }
                let key = AttemptKey(job: JobID(id), number: 0)
                var text: [UInt8] = []
                LogText.append(Array("old\n".utf8), from: .stdout, at: 1, to: &text)
                let time = plane.loop.clock.now.nanoseconds
                LogText.append(Array("a\nb".utf8), from: .stdout, at: time, to: &text)
                LogText.appendGap(of: 9, at: time, to: &text)
                LogText.append(Array("c\n".utf8), from: .stderr, at: time, to: &text)
                _ = try await plane.api.logs.append(
                    LogChunk(key: key, offset: 0, text: text), now: now)
                func get(_ query: String) async throws -> (Int, String, String?) {
                    try await client.execute(uri: "/api/v1/jobs/\(id)/logs\(query)", method: .get) {
                        (
                            $0.status.code, String(buffer: $0.body),
                            $0.headers[try #require(.init("Jessica-Log-Offset"))]
                        )
                    }
                }
                let gap = "… 9 bytes left out …\n"
                #expect(try await get("") == (200, "old\na\nb\n\(gap)c\n", "0"))
                #expect(try await get("?tail=1") == (200, "c\n", "16"))
                #expect(try await get("?tail=3") == (200, "a\nb\n\(gap)c\n", "4"))
                #expect(try await get("?tail=0").1.isEmpty)
                #expect(try await get("?from=5").1 == "\nb\n\(gap)c\n")
                #expect(try await get("?since=1h") == (200, "a\nb\n\(gap)c\n", "4"))
                #expect(try await get("?since=1h&tail=1") == (200, "c\n", "16"))
                #expect(try await get("?since=1h&from=6").1 == "b\n\(gap)c\n")
                #expect(try await get("?format=cri").1.utf8.elementsEqual(text))
                let timed = try await get("?timestamps=true").1.split(separator: "\n")
                #expect(timed.first == "1970-01-01T00:00:00.000000001Z old")
                #expect(timed.count == 5)
                for query in [
                    "tail=-1", "tail=x", "from=-1", "since=soon", "format=xml", "follow=maybe",
                    "attempt=0", "timestamps=2", "atempt=1",
                ] { #expect(try await get("?" + query).0 == 400, "\(query)") }
                #expect(try await get("?attempt=7").0 == 404)
            }
        }
    }

    @Test("An id tells when it was made")
    func ids() {
        let id = JobIDMint().mint(at: now)
        #expect(JobIDMint.time(of: id.rawValue) == now)
        for text in ["", "not-a-ulid", String(repeating: "z", count: 26), "é" + id.rawValue] {
            #expect(JobIDMint.time(of: text) == nil)
        }
    }
}
