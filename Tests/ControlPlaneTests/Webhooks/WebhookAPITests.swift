import FleetCore
import HTTPTypes
import Hummingbird
import OrderedCollections
import Testing

@testable import ControlPlane

@Suite("Webhooks in the API", .serialized)
struct WebhookAPITests {
    @Test("A secret is shown once, and nowhere else")
    func once() async throws {
        try await Receiver.serve { receiver in
            try await Plane.with { plane, _ in
                let body =
                    #"{"name":"hooks","url":"\#(receiver.url)?key=abc","topics":["jobs","node:agx-01"]}"#
                let (status, made) = try await plane.call(.post, "/api/v1/webhooks", body)
                #expect(status == .created)
                #expect(made["state"] == .string("working"))
                #expect(made["topics"] == .array([.string("jobs"), .string("node:agx-01")]))
                let secret = try #require(Plane.text(made["secret"]))
                #expect(secret.hasPrefix("whsec_"))
                let (again, _) = try await plane.call(.post, "/api/v1/webhooks", body)
                #expect(again == .conflict)
                let (_, list) = try await plane.call(.get, "/api/v1/webhooks")
                #expect(list["items"]?[0]?["url"] == made["url"])
                #expect(list["items"]?[0]?["secret"] == nil)
                let (found, one) = try await plane.call(.get, "/api/v1/webhooks/hooks")
                #expect(found == .ok && one["secret"] == nil)
                let metrics = await plane.api.metrics()
                #expect(
                    metrics.contains(
                        #"jessica_webhook_deliveries_total{outcome="dropped",webhook="hooks"} 0"#))
                #expect(metrics.contains(#"jessica_webhook_lag_events{webhook="hooks"} "#))
                #expect(metrics.contains(#"jessica_webhook_failing{webhook="hooks"} 0"#))
                let record = await plane.loop.read { controller, _ in
                    controller.webhooks.values.first
                }
                #expect(record.map { !"\($0)".contains(secret.dropFirst(6)) } == true)
                let (gone, _) = try await plane.call(.delete, "/api/v1/webhooks/hooks")
                #expect(gone == .noContent)
                for method in [HTTPRequest.Method.get, .delete] {
                    let (status, _) = try await plane.call(method, "/api/v1/webhooks/hooks")
                    #expect(status == .notFound)
                }
                let (none, _) = try await plane.call(.post, "/api/v1/webhooks/hooks/test")
                #expect(none == .notFound)
            }
        }
    }

    @Test("A test says what became of it")
    func test() async throws {
        try await Receiver.serve { receiver in
            try await Plane.with { plane, _ in
                _ = try await plane.call(
                    .post, "/api/v1/webhooks",
                    #"{"name":"h","url":"\#(receiver.url)","topics":["fleet"]}"#)
                let (status, done) = try await plane.call(.post, "/api/v1/webhooks/h/test")
                #expect(status == .ok)
                #expect(done["delivered"] == .bool(true) && done["status"] == .int(200))
                var tries = receiver.tries.makeAsyncIterator()
                let one = await tries.next()
                #expect(one?.type == "webhook.test")
                receiver.answers(.gone)
                let (_, failed) = try await plane.call(.post, "/api/v1/webhooks/h/test")
                #expect(failed["delivered"] == .bool(false))
                #expect(failed["error"] == .string("it answered 410"))
            }
        }
    }

    @Test("Only an administrator sees or makes any")
    func roles() async throws {
        try await Plane.with { plane, _ in
            for role in Role.allCases {
                let token = try await plane.token(role.rawValue, #","role":"\#(role.rawValue)""#)
                let calls: [(HTTPRequest.Method, String, String?)] = [
                    (.get, "/api/v1/webhooks", nil), (.get, "/api/v1/webhooks/x", nil),
                    (.post, "/api/v1/webhooks", "{}"), (.delete, "/api/v1/webhooks/x", nil),
                    (.post, "/api/v1/webhooks/x/test", nil),
                ]
                for (method, path, body) in calls {
                    let (status, _) = try await plane.call(method, path, body, by: .https(token))
                    #expect((status == .forbidden) == (role < .admin), "\(role) \(method) \(path)")
                }
            }
        }
    }

    @Test(
        "What is no webhook is refused",
        arguments: [
            ("{}", 400), (#"{"name":"a b","url":"https://a.example/"}"#, 400),
            (#"{"name":"a"}"#, 400), (#"{"name":"a","url":7}"#, 400),
            (#"{"name":"a","url":"https://a.example/","topics":[]}"#, 400),
            (#"{"name":"a","url":"https://a.example/","topics":["cats"]}"#, 400),
            (#"{"name":"a","url":"https://a.example/","topics":["jobs,nodes"]}"#, 400),
            (#"{"name":"a","url":"https://a.example/","topics":"jobs"}"#, 400),
            (#"{"name":"a","url":"https://a.example/","secret":"x"}"#, 400),
            (#"{"name":"a","url":"https://10.0.0.1/"}"#, 422),
            (#"{"name":"a","url":"https://[::1]/"}"#, 422),
            (#"{"name":"a","url":"https://169.254.169.254/latest/meta-data"}"#, 422),
            (#"{"name":"a","url":"http://1.1.1.1/"}"#, 422),
            (#"{"name":"a","url":"ftp://a.example/"}"#, 422),
            (#"{"name":"a","url":"https://2130706433/"}"#, 422),
        ])
    func wrong(body: String, status: Int) async throws {
        try await Plane.with { plane, _ in
            let (answer, json) = try await plane.call(.post, "/api/v1/webhooks", body)
            #expect(answer.code == status, "\(json)")
        }
    }
}
