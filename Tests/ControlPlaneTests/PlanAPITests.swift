import FleetCore
import Foundation
import HTTPTypes
import JobCatalogue
import ObjectStore
import OrderedCollections
import Testing

@testable import ControlPlane

@Suite("Plans and uploads over the API", .serialized)
struct PlanAPITests {
    private static let film = #"""
        {"name":"film","onFailure":"continue","maxRunning":3,"labels":{"project":"film"},"steps":[
          {"name":"gif","kind":"image","input":{"frames":{"$from":"frames.image"},"first":{"$from":"frames[0].image"}}},
          {"name":"frames","kind":"image","count":4,"maxRunning":2,
           "input":{"prompt":{"$from":"poem.text"},"seed":{"$index":true}}},
          {"name":"poem","kind":"image","input":{"prompt":"a poem"}},
          {"name":"large","kind":"image","count":4,"input":{"image":{"$from":"frames[$index].image"}}},
          {"name":"end","kind":"image","after":["large"],"labels":{"project":"end"}}
        ]}
        """#

    @Test("A plan is put into order and spelled out, job by job")
    func film() async throws {
        try await Plane.with { plane, _ in
            let (status, plan) = try await plane.call(.post, "/api/v1/plans", Self.film)
            #expect(status == .accepted, "\(plan)")
            #expect(plan["counts"]?["total"] == .int(11))
            #expect(plan["counts"]?["queued"] == .int(11))
            guard case .array(let steps)? = plan["steps"] else {
                Issue.record("no steps: \(plan)")
                return
            }
            #expect(steps.first?["step"] == .string("poem"))
            func after(_ step: String, _ index: Int64? = nil) -> [String] {
                let found = steps.first {
                    $0["step"] == .string(step) && (index == nil || $0["index"] == .int(index ?? 0))
                }
                guard case .array(let names)? = found?["after"] else { return [] }
                return names.compactMap { Plane.text($0) }
            }
            #expect(after("frames", 2) == ["poem"])
            #expect(after("large", 3) == ["frames[3]"])
            #expect(after("gif") == (0..<4).map { "frames[\($0)]" })
            #expect(after("end") == (0..<4).map { "large[\($0)]" })
            let id = Plane.text(plan["id"]) ?? ""
            let jobs = await plane.loop.read { controller, _ in
                controller.plan(PlanID(id))?.jobs.compactMap { controller.jobs[$0]?.request } ?? []
            }
            let frame = jobs.first {
                $0.place == PlanPlace(plan: PlanID(id), step: "frames", index: 2, atOnce: 2)
            }
            #expect(frame?.input == #"{"prompt":{"$from":"poem.text"},"seed":2}"#)
            #expect(frame?.labels == [.init(key: "project", value: "film")])
            #expect(
                jobs.last { $0.place?.step == "end" }?.labels == [
                    .init(key: "project", value: "end")
                ])
            let (_, list) = try await plane.call(.get, "/api/v1/plans?state=running")
            #expect(list["items"]?[0]?["id"] == .string(id))
            #expect(list["items"]?[0]?["steps"] == nil)
            let (_, mine) = try await plane.call(.get, "/api/v1/jobs?plan=\(id)&limit=20")
            guard case .array(let found)? = mine["items"] else { return }
            #expect(found.count == 11)
            #expect(found.allSatisfy { $0["planId"] == .string(id) })
            let (_, cancelled) = try await plane.call(.post, "/api/v1/plans/\(id)/cancel")
            #expect(cancelled["state"] == .string("cancelled"))
            #expect(cancelled["counts"]?["cancelled"] == .int(11))
            let (_, again) = try await plane.call(.post, "/api/v1/plans/\(id)/retry")
            #expect(again["state"] == .string("running"))
        }
    }

    @Test("A plan outlives the controller, with what has ended of it")
    func restart() async throws {
        let directory = NSTemporaryDirectory() + "jessica-plans-\(UInt32.random(in: .min ... .max))"
        let id = try await Plane.with(directory: directory) { plane, _ in
            let body =
                #"{"onFailure":"continue","steps":[{"name":"a","kind":"image"},{"name":"b","kind":"image"},{"name":"c","kind":"image","after":["b"]}]}"#
            let (_, plan) = try await plane.call(.post, "/api/v1/plans", body)
            let first = Plane.text(plan["steps"]?[0]?["job"]) ?? ""
            _ = try await plane.call(.post, "/api/v1/jobs/\(first)/cancel")
            return Plane.text(plan["id"]) ?? ""
        }
        try await Plane.with(directory: directory) { plane, _ in
            let (_, plan) = try await plane.call(.get, "/api/v1/plans/\(id)")
            #expect(plan["state"] == .string("running"))
            #expect(plan["counts"]?["cancelled"] == .int(1))
            #expect(plan["counts"]?["queued"] == .int(2))
            #expect(plan["steps"]?[2]?["reason"] == .string("waits for step b, which is queued"))
            let mistake = await plane.loop.read { controller, _ in controller.indexMistake() }
            #expect(mistake == nil)
            let (_, ended) = try await plane.call(.delete, "/api/v1/plans/\(id)")
            #expect(ended["state"] == .string("cancelled"))
        }
        try await Plane.with(directory: directory) { plane, _ in
            let (_, plan) = try await plane.call(.get, "/api/v1/plans/\(id)")
            #expect(plan["state"] == .string("cancelled"))
            #expect(plan["counts"]?["cancelled"] == .int(3))
        }
    }

    @Test(
        "A plan that cannot be is refused, with what is wrong",
        arguments: [
            (#"{}"#, "`steps` must be a list"),
            (#"{"steps":[]}"#, "`steps` must be a list"),
            (#"{"steps":[{"kind":"image"}]}"#, "step 1: `name` must be"),
            (#"{"steps":[{"name":"a.b","kind":"image"}]}"#, "step 1: `name` must be"),
            (#"{"steps":[{"name":"a","kind":"nothing"}]}"#, "step a: no kind is named `nothing`"),
            (#"{"steps":[{"name":"a","kind":"image","afer":[]}]}"#, "step a: unknown field `afer`"),
            (
                #"{"steps":[{"name":"a","kind":"image"},{"name":"a","kind":"image"}]}"#,
                "two steps are named `a`"
            ),
            (
                #"{"steps":[{"name":"a","kind":"image","after":["b"]}]}"#,
                "step a: no step is named `b`"
            ),
            (
                #"{"steps":[{"name":"a","kind":"image","after":["b"]},{"name":"b","kind":"image","after":["a"]}]}"#,
                "these steps wait for one another: a, b"
            ),
            (
                #"{"steps":[{"name":"a","kind":"image","input":{"x":{"$from":"a.y"}}}]}"#,
                "these steps wait for one another: a"
            ),
            (
                #"{"steps":[{"name":"a","kind":"image","count":2},{"name":"b","kind":"image","after":["a[2]"]}]}"#,
                "step b: there is no `a[2]`: step a has 2 jobs"
            ),
            (
                #"{"steps":[{"name":"a","kind":"image"},{"name":"b","kind":"image","after":["a[0]"]}]}"#,
                "step b: there is no `a[0]`: step a is one job"
            ),
            (
                #"{"steps":[{"name":"a","kind":"image","input":{"x":{"$from":7}}}]}"#,
                "step a: a reference is"
            ),
            (
                #"{"steps":[{"name":"a","kind":"image","input":{"x":{"$from":"b.c","more":1}}}]}"#,
                "step a: a reference is"
            ),
            (#"{"steps":[{"name":"a","kind":"image","count":0}]}"#, "step a: `count` must be"),
            (
                #"{"steps":[{"name":"a","kind":"image","count":3,"items":[{}]}]}"#,
                "step a: `count` is 3, and there are 1"
            ),
            (
                #"{"steps":[{"name":"a","kind":"video"}]}"#,
                "step a: no cluster of this fleet serves"
            ),
            (
                #"{"steps":[{"name":"a","kind":"image","count":400},{"name":"b","kind":"image","count":400,"after":["a"]}]}"#,
                "step b: a plan has 10000 jobs and 50000 pairs"
            ),
        ])
    func wrong(body: String, message: String) async throws {
        try await Plane.with { plane, _ in
            let (status, json) = try await plane.call(.post, "/api/v1/plans", body)
            #expect([.badRequest, .unprocessableContent].contains(status))
            let text = Plane.text(json["error"]?["message"]) ?? ""
            #expect(text.hasPrefix(message), "\(text)")
            let jobs = await plane.loop.read { controller, _ in controller.jobs.count }
            #expect(jobs == 0)
        }
    }

    @Test("A plan is weighed as it is stored, and the largest is accepted")
    func weight() async throws {
        try await Plane.with { plane, _ in
            func plan(_ count: Int, _ length: Int) -> String {
                let word = String(repeating: #"\u0001"#, count: length)
                return
                    #"{"steps":[{"name":"a","kind":"custom","image":"jessica/base:latest","command":["\#(word)"],"count":\#(count)}]}"#
            }
            let long = try await plane.call(.post, "/api/v1/plans", plan(1_000, 32_768))
            #expect(long.0 == .unprocessableContent)
            let heavy = try await plane.call(.post, "/api/v1/plans", plan(1_000, 16_384))
            #expect(heavy.0 == .unprocessableContent)
            #expect(
                Plane.text(heavy.1["error"]?["message"])?.hasPrefix("step a: all jobs of a plan")
                    == true)
            let most = try await plane.call(.post, "/api/v1/plans", plan(300, 16_384))
            #expect(most.0 == .accepted)
            let next = try await plane.call(.post, "/api/v1/jobs", #"{"kind":"image"}"#).0
            #expect(next == .accepted)
        }
    }

    @Test("A plan may have a larger body than what else is asked for")
    func bodyLimit() {
        func limit(_ method: HTTPRequest.Method, _ path: String) -> Int {
            BodyGuard.limit(
                for: HTTPRequest(method: method, scheme: nil, authority: nil, path: path))
        }
        #expect(limit(.post, "/api/v1/plans") == 4 << 20)
        #expect(limit(.post, "/api/v1/plans?x=y") == 4 << 20)
        #expect(limit(.get, "/api/v1/plans") == 1 << 20)
        #expect(limit(.post, "/api/v1/plans/x/cancel") == 1 << 20)
        #expect(limit(.post, "/api/v1/jobs") == 1 << 20)
    }

    @Test("The same key gives the same plan")
    func idempotency() async throws {
        try await Plane.with { plane, _ in
            let key = try #require(HTTPField.Name("Idempotency-Key"))
            let body = #"{"steps":[{"name":"a","kind":"image"}]}"#
            let (_, first) = try await plane.call(.post, "/api/v1/plans", body, headers: [key: "k"])
            let (_, second) = try await plane.call(
                .post, "/api/v1/plans", body, headers: [key: "k"])
            #expect(first["id"] == second["id"])
            let other = #"{"steps":[{"name":"b","kind":"image"}]}"#
            let (status, _) = try await plane.call(
                .post, "/api/v1/plans", other, headers: [key: "k"])
            #expect(status == .unprocessableContent)
        }
    }

    @Test("A job waits for the job that its input names")
    func jobReference() async throws {
        try await Plane.with { plane, _ in
            let (_, first) = try await plane.call(.post, "/api/v1/jobs", #"{"kind":"image"}"#)
            let id = Plane.text(first["id"]) ?? ""
            let (status, second) = try await plane.call(
                .post, "/api/v1/jobs",
                #"{"kind":"image","input":{"image":{"$from":"\#(id).image"}}}"#)
            #expect(status == .accepted)
            #expect(second["after"] == .array([.string(id)]))
            #expect(second["reason"] == .string("waits for job \(id), which is queued"))
            let none = #"{"kind":"image","after":["01jzzzzzzzzzzzzzzzzzzzzzzz"]}"#
            let status1 = try await plane.call(.post, "/api/v1/jobs", none).0
            #expect(status1 == .notFound)
        }
    }

    @Test("What a submitter may is applied with the fleet, and refused with the time to come back")
    func limits() async throws {
        try await Plane.with { plane, _ in
            var fleet = Plane.fleet
            fleet.limits = [
                LimitSpec(subject: .everySubmitter, rate: .init(count: 1, per: .seconds(60)))
            ]
            _ = await plane.loop.apply(fleet, source: "fleet: test\n")
            let status2 = try await plane.call(.post, "/api/v1/jobs", #"{"kind":"image"}"#).0
            #expect(status2 == .accepted)
            let (status, json) = try await plane.call(.post, "/api/v1/jobs", #"{"kind":"image"}"#)
            #expect(status == .tooManyRequests)
            #expect(json["error"]?["code"] == .string("rate_limited"))
        }
    }

    @Test("An upload is put by its signed URL, found by its id, and removed")
    func upload() async throws {
        try await Plane.with { plane, _ in
            let (status, made) = try await plane.call(
                .post, "/api/v1/uploads", #"{"name":"cat.png","contentType":"image/png","size":5}"#)
            #expect(status == .created)
            let id = Plane.text(made["id"]) ?? ""
            #expect(made["input"] == .object(["$upload": .string(id)]))
            let status3 = try await plane.call(.get, "/api/v1/uploads/\(id)").0
            #expect(status3 == .notFound)
            let url = try #require(Plane.text(made["url"])?.split(separator: "localhost").last)
            let put = try await plane.call(
                .put, String(url), "bytes",
                headers: [.contentLength: "5", .contentType: "image/png"], by: .https(nil)
            ).0
            #expect(put == .ok)
            let (found, there) = try await plane.call(.get, "/api/v1/uploads/\(id)")
            #expect(found == .ok)
            #expect(there["size"] == .int(5))
            #expect(there["name"] == .string("cat.png"))
            let status4 = try await plane.call(.delete, "/api/v1/uploads/\(id)").0
            #expect(status4 == .noContent)
            let status5 = try await plane.call(.get, "/api/v1/uploads/\(id)").0
            #expect(status5 == .notFound)
        }
    }

    @Test(
        "An upload that cannot be is refused",
        arguments: [
            "{}", #"{"name":"../x","contentType":"image/png","size":1}"#,
            #"{"name":"x","contentType":"image","size":1}"#,
            #"{"name":"x","contentType":"image/png","size":-1}"#,
            #"{"name":".x","contentType":"image/png","size":1}"#,
        ])
    func wrongUpload(body: String) async throws {
        try await Plane.with { plane, _ in
            let status6 = try await plane.call(.post, "/api/v1/uploads", body).0
            #expect(status6 == .badRequest)
        }
    }

    @Test(
        "An output is found by its name, with its ending or without",
        arguments: [
            ("text", "text.txt"), ("text.txt", "text.txt"), ("image", nil),
            ("image.png", "image.png"),
            ("none", nil), ("audio", "speech.wav"), ("video", nil),
        ] as [(String, String?)])
    func chosen(name: String, found: String?) {
        let types = ["speech.wav": "audio/wav", "a.mp4": "video/mp4", "b.mp4": "video/mp4"]
        let outputs = ["text.txt", "image.png", "image.jpg", "speech.wav", "a.mp4", "b.mp4"].map {
            Output(
                name: $0, contentType: types[$0] ?? "a/b", size: 1, key: "outputs/temp/j/1/\($0)",
                digest: nil)
        }
        #expect(InputDesk.choose(name, among: outputs)?.name == found)
        #expect(InputDesk.choose(nil, among: outputs) == nil)
        #expect(InputDesk.choose(nil, among: Array(outputs.prefix(1)))?.name == "text.txt")
    }
}
