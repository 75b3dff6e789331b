import FleetCore
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import NIOFoundationCompat
import RedisStore
import Settings
import Synchronization
import Testing

@testable import ControlPlane

@Suite("Backup and restore", .serialized)
struct BackupTests {
    /// What the API says of everything that a backup holds.
    private static let views = [
        "/api/v1/jobs?limit=1000", "/api/v1/plans", "/api/v1/tokens", "/api/v1/nodes",
        "/api/v1/fleet/history", "/api/v1/services", "/api/v1/templates",
    ]

    @Test("Everything the API says comes back, in an installation that has nothing")
    func everything() async throws {
        try await withFolder { folder in
            let (before, events, token) = try await Plane.with(directory: folder + "/a") {
                plane, _ in
                for index in 0..<20 {
                    _ = await plane.submit(JobID("job-\(index)"))
                }
                _ = await plane.loop.ask { .cancel($0, "job-3") }
                let (planned, _) = try await plane.call(
                    .post, "/api/v1/plans",
                    #"{"name":"two","steps":[{"name":"a","kind":"image"},{"name":"b","kind":"image","after":["a"]}]}"#
                )
                #expect(planned == .accepted)
                let token = try await plane.token("laptop", #","submitter":"alice""#)
                _ = try await plane.call(.post, "/api/v1/nodes/agx-02/cordon")
                // Nothing happens that it would be told of.
                let (hooked, _) = try await plane.call(
                    .post, "/api/v1/webhooks",
                    #"{"name":"hooks","url":"http://127.0.0.1:9/in","topics":["node:agx-99"]}"#)
                #expect(hooked == .created)
                _ = try await plane.call(.post, "/api/v1/nodes/agx-01/ban")
                try await save(try await backup(plane), of: plane, to: folder + "/a.gz")
                return (
                    try await look(plane), try await plane.store.events(after: 0, limit: 1_000),
                    token
                )
            }
            let outcome = try await restore(folder + "/a.gz", to: folder + "/b")
            #expect(outcome.summary.counts.jobs == 22 && outcome.summary.counts.bans == 1)
            try await Plane.with(directory: folder + "/b") { plane, _ in
                let after = try await look(plane)
                for view in Self.views {
                    let isSame = after[view] == before[view]
                    #expect(isSame, "\(view)")
                }
                let again = try await plane.store.events(after: 0, limit: 1_000)
                #expect(Array(again.prefix(events.count)) == events)
                #expect(again.dropFirst(events.count).first?.reason?.contains("restored") == true)
                #expect(plane.loop.term > outcome.summary.header.term + 1_000_000)
                let status = try await plane.call(.get, "/api/v1/jobs", by: .https(token)).0
                #expect(status == .ok)
                // Its secret can still be opened, too.
                let (_, hooks) = try await plane.call(.get, "/api/v1/webhooks/hooks")
                #expect(hooks["url"] == .string("http://127.0.0.1:9/in"))
                #expect(hooks["topics"] == .array([.string("node:agx-99")]))
                #expect(hooks["state"] == .string("working"))
                let new = await plane.submit("after")
                guard case .accepted = new else {
                    Issue.record(
                        "a job after the restore was answered with \(String(describing: new))")
                    return
                }
                // What had failed or waits goes on with a number nobody has used.
                let number = await plane.loop.read { controller, _ in
                    (
                        controller.jobs["job-3"]?.nextNumber ?? 0,
                        controller.jobs["after"]?.nextNumber
                    )
                }
                #expect(number.0 > 1_000 && number.1 == 1)
            }
        }
    }

    @Test("What waits comes back with all of its input, though nothing is left of the object store")
    func largeInput() async throws {
        try await withFolder { folder in
            let prompt = String(repeating: "a lighthouse ", count: 400)
            let id = try await Plane.with(directory: folder + "/a") { plane, _ in
                let (_, job) = try await plane.call(
                    .post, "/api/v1/jobs", #"{"kind":"image","input":{"prompt":"\#(prompt)"}}"#)
                #expect(job["inputSize"] != nil)
                try await save(try await backup(plane), of: plane, to: folder + "/a.gz")
                return Plane.text(job["id"]) ?? ""
            }
            _ = try await restore(folder + "/a.gz", to: folder + "/b")
            try await Plane.with(directory: folder + "/b") { plane, _ in
                let (_, job) = try await plane.call(.get, "/api/v1/jobs/\(id)")
                #expect(job["input"]?["prompt"] == .string(prompt))
                #expect(job["inputSize"] == nil)
            }
        }
    }

    @Test(
        "An input that the object store does not give at once is asked for again, with longer pauses",
        arguments: [4, 5])
    func hiccups(count: Int) async throws {
        try await Plane.with { plane, _ in
            let prompt = String(repeating: "a lighthouse ", count: 400)
            let (status, _) = try await plane.call(
                .post, "/api/v1/jobs", #"{"kind":"image","input":{"prompt":"\#(prompt)"}}"#)
            #expect(status == .accepted)
            let pauses = Mutex<[Duration]>([])
            let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            let desk = BackupDesk(
                loop: plane.loop, store: plane.store,
                inputs: InputStore(
                    objects: BrokenObjects.hiccuping(plane.api.objects, times: count),
                    keepUploads: .seconds(86_400), logger: quiet),
                scratch: plane.directory + "/other.part", logger: quiet,
                pause: { pause in pauses.withLock { $0.append(pause) } })
            let name = try #require(desk.begin())
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await desk.run() }
                await desk.wait(for: name, atMost: .seconds(60))
                group.cancelAll()
            }
            let waits = pauses.withLock { $0 }
            #expect(waits == [.seconds(1), .seconds(2), .seconds(4), .seconds(8)])
            switch desk.progress(of: name) {
            case .done(let manifest)?: #expect(count == 4 && manifest.counts.jobs == 1)
            case .failed(let why)?: #expect(count == 5 && why.contains("hiccups"))
            default: Issue.record("it has not ended")
            }
        }
    }

    @Test("Past jobs that no memory holds are in it, however many end in a second")
    func pastJobs() async throws {
        try await withFolder { folder in
            try await Plane.with(directory: folder + "/a") { plane, _ in
                let (counters, now) = await plane.loop.read { ($0.counters, $1) }
                var change = FleetChange(counters: counters, clock: now)
                for index in 0..<5_000 {
                    let at = now - .seconds(index < 4_500 ? 100 : 50)
                    var job = Job(
                        id: JobID("past-\(index)"), request: JobRequest(kind: .image),
                        queue: "vision", submittedAt: at)
                    job.ending = Job.Ending(outcome: .succeeded, at: at)
                    change.jobs.append(job)
                }
                try await plane.store.commit(
                    try plane.store.seal(change, term: plane.loop.term))
                let made = try await backup(plane)
                #expect(made["counts"]?["jobs"] == .int(5_000))
                try await save(made, of: plane, to: folder + "/a.gz")
            }
            _ = try await restore(folder + "/a.gz", to: folder + "/b")
            try await Plane.with(directory: folder + "/b") { plane, _ in
                let ids = try await plane.store.endedJobs(since: 0)
                #expect(Set(ids) == Set((0..<5_000).map { JobID("past-\($0)") }))
                let job = try await plane.store.job("past-4999")
                #expect(job?.state == .succeeded && job?.numbersUsed == nil)
            }
        }
    }

    @Test("A past job that is tried again while a backup is written is in it as it was")
    func triedAgainMeanwhile() async throws {
        try await withFolder { folder in
            var policy = ControllerPolicy()
            policy.historyLimit = 0
            let id = try await Plane.with(directory: folder + "/a", policy: policy) { plane, _ in
                let id = plane.api.mint.mint(at: plane.loop.clock.now)
                try await plane.past(id, .failed)
                let prompt = String(repeating: "a lighthouse ", count: 400)
                let (status, _) = try await plane.call(
                    .post, "/api/v1/jobs", #"{"kind":"image","input":{"prompt":"\#(prompt)"}}"#)
                #expect(status == .accepted)
                let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
                let desk = BackupDesk(
                    loop: plane.loop, store: plane.store,
                    inputs: InputStore(
                        objects: BrokenObjects.hiccuping(plane.api.objects, times: 1),
                        keepUploads: .seconds(86_400), logger: quiet),
                    scratch: plane.directory + "/other.part", logger: quiet,
                    pause: { _ in
                        // What lives is being written, and nothing of the past has been read.
                        let (status, _) = try await plane.call(.post, "/api/v1/jobs/\(id)/retry")
                        #expect(status == .accepted)
                    })
                let name = try #require(desk.begin())
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { await desk.run() }
                    await desk.wait(for: name, atMost: .seconds(60))
                    group.cancelAll()
                }
                let (_, job) = try await plane.call(.get, "/api/v1/jobs/\(id)")
                #expect(job["state"] == .string("queued"))
                let (_, made) = try await plane.call(.get, "/api/v1/backups/\(name)")
                #expect(made["counts"]?["jobs"] == .int(2))
                try await save(made, of: plane, to: folder + "/a.gz")
                return id
            }
            _ = try await restore(folder + "/a.gz", to: folder + "/b")
            try await Plane.with(directory: folder + "/b") { plane, _ in
                let (status, job) = try await plane.call(.get, "/api/v1/jobs/\(id)")
                #expect(status == .ok && job["state"] == .string("failed"))
            }
        }
    }

    @Test(
        "What is tried again after its page was read, or before, is in the archive once",
        arguments: [false, true])
    func triedAgainBetweenPages(isFolded: Bool) async throws {
        try await withFolder { folder in
            try await Plane.with(directory: folder + "/a") { plane, _ in
                let (snapshot, now) = await plane.loop.read { ($0.snapshot, $1) }
                let jobs = (0..<2_500).map { index -> Job in
                    let at = now - .seconds(3_000 - index)
                    var request = JobRequest(kind: .image)
                    // The archive asks for the input of one in the first page.
                    if index == 0 { request.stored = StoredInput(size: 1_000, digest: "0") }
                    var job = Job(
                        id: JobID("past-\(10_000 + index)"), request: request, queue: "vision",
                        submittedAt: at)
                    job.ending = Job.Ending(outcome: .failed, at: at)
                    return job
                }
                @Sendable func write(_ jobs: [Job]) async throws {
                    var change = FleetChange(counters: snapshot.counters, clock: now)
                    change.jobs = jobs
                    try await plane.store.commit(
                        try plane.store.seal(change, term: plane.loop.term))
                }
                try await write(jobs)
                if isFolded { while try await plane.store.foldEnded() > 0 {} }
                let recalls = RecallNotes()
                recalls.begin()
                let path = folder + "/a.gz"
                let summary = try await plane.store.archive(
                    snapshot, at: now, recalls: recalls, term: plane.loop.term, version: "0",
                    to: path,
                    whole: { job in
                        var (ended, open) = (jobs[1], jobs[2_400])
                        recalls.note(Recalled(jobs: [ended, open]))
                        ended.retriedAt = now
                        ended.ending = Job.Ending(outcome: .succeeded, at: now)
                        open.retriedAt = now
                        open.ending = nil
                        try await write([ended, open])
                        return job
                    }, damaged: { Issue.record("\($0) is damaged") })
                #expect(summary.counts.jobs == jobs.count)
                var failed: Set<JobID> = []
                _ = try await ArchiveReader(path: path).read { record in
                    guard case .job(let job) = record, job.ending?.outcome == .failed else {
                        return
                    }
                    failed.insert(job.id)
                }
                #expect(failed == Set(jobs.map(\.id)))
            }
        }
    }

    @Test("The only past job is in the archive, tried again before there is a page")
    func triedAgainBeforePages() async throws {
        try await withFolder { folder in
            try await Plane.with(directory: folder + "/a") { plane, _ in
                let (snapshot, now) = await plane.loop.read { ($0.snapshot, $1) }
                var job = Job(
                    id: "past", request: JobRequest(kind: .image), queue: "vision",
                    submittedAt: now - .seconds(9))
                let recalls = RecallNotes()
                recalls.begin()
                job.ending = Job.Ending(outcome: .failed, at: now - .seconds(3))
                recalls.note(Recalled(jobs: [job]))
                let summary = try await plane.store.archive(
                    snapshot, at: now, recalls: recalls, term: plane.loop.term, version: "0",
                    to: folder + "/a.gz", damaged: { Issue.record("\($0) is damaged") })
                #expect(summary.counts.jobs == 1)
            }
        }
    }

    @Test("A backup beside work shows one moment: a job is in it if its event is")
    func oneMoment() async throws {
        try await withFolder { folder in
            try await Plane.with(directory: folder + "/a") { plane, _ in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        var number = 0
                        while !Task.isCancelled {
                            number += 1
                            _ = await plane.submit(JobID("job-\(number)"))
                            if number % 3 == 0 {
                                _ = await plane.loop.ask { .cancel($0, JobID("job-\(number)")) }
                            }
                        }
                    }
                    for turn in 0..<10 {
                        let path = folder + "/\(turn).gz"
                        try await save(try await backup(plane), of: plane, to: path)
                        try await check(path)
                    }
                    group.cancelAll()
                }
            }
        }
    }

    private func check(_ path: String) async throws {
        var jobs: [JobID: JobState] = [:]
        var told: [JobID: String] = [:]
        let summary = try await ArchiveReader(path: path).read { record in
            switch record {
            case .job(let job): jobs[job.id] = job.state
            case .event(let event): if let job = event.job, let to = event.to { told[job] = to }
            default: break
            }
        }
        #expect(summary.counts.jobs == jobs.count)
        #expect(jobs.mapValues(\.rawValue) == told)
    }

    @Test("A record that is there is replaced only with --force, and its term is passed")
    func force() async throws {
        try await withFolder { folder in
            try await Plane.with(directory: folder + "/a") { plane, _ in
                _ = await plane.submit("old")
                try await save(try await backup(plane), of: plane, to: folder + "/a.gz")
                _ = await plane.submit("newer")
            }
            let refused = await #expect(throws: StartError.self) {
                _ = try await restore(folder + "/a.gz", to: folder + "/a")
            }
            #expect(refused?.description.contains("--force") == true)
            let first = try await restore(folder + "/a.gz", to: folder + "/a", force: true)
            let second = try await restore(folder + "/a.gz", to: folder + "/a", force: true)
            #expect(second.term > first.term)
            try await Plane.with(directory: folder + "/a") { plane, _ in
                let (_, list) = try await plane.call(.get, "/api/v1/jobs")
                #expect(list["items"]?[0]?["id"] == .string("old"))
                #expect(list["items"]?[1] == nil)
            }
        }
    }

    @Test("A damaged archive is refused, and the record stays")
    func damaged() async throws {
        try await withFolder { folder in
            try await Plane.with(directory: folder + "/a") { plane, _ in
                _ = await plane.submit("kept")
                try await save(try await backup(plane), of: plane, to: folder + "/a.gz")
            }
            let whole = try Data(contentsOf: URL(fileURLWithPath: folder + "/a.gz"))
            try whole.dropLast(20).write(to: URL(fileURLWithPath: folder + "/cut.gz"))
            await #expect(throws: ArchiveError.self) {
                _ = try await restore(folder + "/cut.gz", to: folder + "/a", force: true)
            }
            try await Plane.with(directory: folder + "/a") { plane, _ in
                let status = try await plane.call(.get, "/api/v1/jobs/kept").0
                #expect(status == .ok)
            }
        }
    }

    @Test("A restore that was cut off is taken up by no controller, and can be done again")
    func cutOff() async throws {
        try await withFolder { folder in
            try await Plane.with(directory: folder + "/a") { plane, _ in
                _ = await plane.submit("kept")
                try await save(try await backup(plane), of: plane, to: folder + "/a.gz")
                let meta = plane.store.store.keys.meta
                _ = try await plane.store.store.client.send(
                    [RedisCommand("HSET", .text(meta), "restoring", "test")], lane: .commits)
                await #expect(throws: RedisStoreError.self) {
                    _ = try await plane.store.load(history: 10)
                }
            }
            _ = try await restore(folder + "/a.gz", to: folder + "/a")
            try await Plane.with(directory: folder + "/a") { plane, _ in
                let status = try await plane.call(.get, "/api/v1/jobs/kept").0
                #expect(status == .ok)
            }
        }
    }

    @Test("Backups are listed, the latest first, and only to an administrator")
    func list() async throws {
        try await withFolder { folder in
            try await Plane.with(directory: folder + "/a") { plane, _ in
                let first = try await backup(plane)
                let second = try await backup(plane)
                let (_, list) = try await plane.call(.get, "/api/v1/backups")
                #expect(list["items"] == .array([second, first]))
                let (_, one) = try await plane.call(.get, "/api/v1/backups?limit=1")
                #expect(one["items"] == .array([second]))
                for path in [
                    "nothing", "..%2F..%2Fadmin.token", "2026-01-01T00-00-00.000Z/archive",
                ] {
                    let status = try await plane.call(.get, "/api/v1/backups/\(path)").0
                    #expect(status == .notFound, "\(path)")
                }
                let token = try await plane.token("op", #","role":"operator""#)
                let name = Plane.text(first["name"]) ?? ""
                for (method, path) in [
                    (HTTPRequest.Method.get, "/api/v1/backups"), (.post, "/api/v1/backups"),
                    (.get, "/api/v1/backups/\(name)/archive"),
                ] {
                    let status = try await plane.call(method, path, by: .https(token)).0
                    #expect(status == .forbidden, "\(method) \(path)")
                }
            }
        }
    }

    @Test("Who waits for a backup hears of its end, and not before")
    func waitedFor() async throws {
        try await Plane.with { plane, redis in
            let pid = try redis.pid()
            // It cannot go on without the record.
            kill(pid, SIGSTOP)
            defer { kill(pid, SIGCONT) }
            let name = try #require(plane.api.backups.begin())
            let path = "/api/v1/backups/\(name)"
            let (_, now) = try await plane.call(.get, "\(path)?wait=0")
            #expect(now["state"] == .string("running"))
            // However the end of the time and the beginning of the wait meet.
            for _ in 0..<1_000 { await plane.api.backups.wait(for: name, atMost: .zero) }
            async let end = plane.call(.get, "\(path)?wait=60")
            kill(pid, SIGCONT)
            let (status, made) = try await end
            #expect(status == .ok && made["state"] == .string("done"), "\(made)")
            let wrong = try await plane.call(.get, "\(path)?wait=61").0
            #expect(wrong == .badRequest)
        }
    }

    // MARK: Helpers

    /// Makes a backup; what the API says of it.
    private func backup(_ plane: Plane) async throws -> JSONValue {
        let (status, made) = try await plane.call(.post, "/api/v1/backups")
        try #require(status == .created, "\(made)")
        return made
    }

    private func save(_ made: JSONValue, of plane: Plane, to path: String) async throws {
        let link = try #require(Plane.text(made["links"]?["archive"]))
        let application = Application(router: plane.api.router(tokens: nil))
        let data = try await application.test(.router) { client in
            try await client.execute(uri: link, method: .get) { Data($0.body.readableBytesView) }
        }
        #expect(made["size"] == .int(Int64(data.count)))
        try data.write(to: URL(fileURLWithPath: path))
    }

    private func look(_ plane: Plane) async throws -> [String: JSONValue] {
        var found: [String: JSONValue] = [:]
        for view in Self.views { found[view] = Self.lasting(try await plane.call(.get, view).1) }
        return found
    }

    /// Without what a restarted controller says anew.
    private static func lasting(_ json: JSONValue) -> JSONValue {
        switch json {
        case .array(let items): .array(items.map(lasting))
        case .object(let members):
            .object(
                members.filter { !["since", "durationSeconds"].contains($0.key) }
                    .mapValues(lasting))
        default: json
        }
    }

    /// Restores; the Redis of the plane before may still be ending.
    private func restore(
        _ file: String, to folder: String, force: Bool = false
    ) async throws -> Restore.Outcome {
        let outcome = ControllerSettings.source.load(
            arguments: ["--state-dir", folder], environment: [:])
        let resolved = try #require(outcome.settings)
        let settings = try #require(ControllerSettings.load(resolved).settings)
        let restore = Restore(
            settings: settings, from: file, force: force,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let end = ContinuousClock.now + .seconds(30)
        while true {
            do {
                return try await restore.run()
            } catch {
                guard "\(error)".contains("already runs a Redis"), ContinuousClock.now < end else {
                    throw error
                }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let path = "/tmp/jb-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await body(path)
    }
}
