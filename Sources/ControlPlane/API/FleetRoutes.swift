import FleetCore
import Foundation
import HTTPTypes
import Hummingbird
import RedisStore
import Settings

extension APIServer {
    func addFleet(_ api: RouterGroup<Context>) {
        api.get("/clusters") { request, _ in
            try request.requireKnown([])
            return try JSONAnswer.response(
                await loop.read { controller, _ in
                    Page(
                        items: controller.fleet.clusters.map { ClusterView($0, in: controller) },
                        next: nil)
                })
        }
        api.get("/clusters/:name") { _, context in
            let name = ClusterName(try name(context))
            let view = await loop.read { controller, _ in
                controller.fleet.cluster(name).map { ClusterView($0, in: controller) }
            }
            guard let view else { throw APIError.notFound("cluster \(name)") }
            return try JSONAnswer.response(view)
        }
        api.get("/services") { request, _ in
            try request.requireKnown([])
            let fleet = await loop.read { controller, _ in controller.fleet }
            return try JSONAnswer.response(
                Page(items: fleet.services.map { WorkerView($0, in: fleet) }, next: nil))
        }
        api.get("/templates") { request, _ in
            try request.requireKnown([])
            let fleet = await loop.read { controller, _ in controller.fleet }
            return try JSONAnswer.response(
                Page(items: fleet.templates.map { WorkerView($0, in: fleet) }, next: nil))
        }
        api.get("/services/:name") { _, context in
            let name = ServiceName(try name(context))
            let fleet = await loop.read { controller, _ in controller.fleet }
            guard let service = fleet.service(name) else {
                throw APIError.notFound("service \(name)")
            }
            return try JSONAnswer.response(WorkerView(service, in: fleet))
        }
        api.get("/templates/:name") { _, context in
            let name = TemplateName(try name(context))
            let fleet = await loop.read { controller, _ in controller.fleet }
            guard let template = fleet.template(name) else {
                throw APIError.notFound("template \(name)")
            }
            return try JSONAnswer.response(WorkerView(template, in: fleet))
        }
        api.get("/fleet") { _, _ in
            try JSONAnswer.response(Revision(await applied.current))
        }
        api.get("/fleet/history") { request, _ in
            try request.requireKnown(["limit"])
            let limit = try limit(request, standard: 20, most: 100)
            let history = try await record { try await store.fleetHistory(limit: limit) }
            return try JSONAnswer.response(Page(items: history.map { Revision($0) }, next: nil))
        }
        api.post("/fleet") { request, _ in try await apply(request) }
    }

    private struct Revision: Encodable, Sendable {
        var revision: UInt64
        var appliedAt: String?
        var source: String

        init(_ applied: AppliedFleet?) {
            revision = applied?.revision ?? 0
            appliedAt = applied?.at.rfc3339
            source = applied?.source ?? ""
        }
    }

    private struct Applied: Encodable {
        var revision: UInt64
        var applied: Bool
        var changes: [FleetDiff.Change]
        /// What of the file is not in force by this.
        var notes: [String]
    }

    private func apply(_ request: Request) async throws -> Response {
        // A misspelt dry run would be none.
        try request.requireKnown(["dryRun", "name"])
        let dryRun = try request.flag("dryRun")
        let name = request.uri.queryParameters["name"].map(String.init) ?? "cluster.yaml"
        let data = try await body(request, limit: 1 << 20)
        guard let text = String(data: data, encoding: .utf8) else {
            throw APIError.invalid("the file is not UTF-8 text")
        }
        let parsed = FleetFile.parse(text: text, name: Self.shortName(name))
        guard let written = parsed.spec else {
            throw APIError(
                .unprocessableContent, "invalid_fleet",
                "\(parsed.mistakes.count) mistakes; nothing was applied",
                details: parsed.mistakes.map(\.description))
        }
        let before = await loop.read { controller, _ in
            (controller.fleet, controller.fleetRevision)
        }
        // A file that came to be empty must not take everything down.
        guard !written.nodes.isEmpty || before.0.nodes.isEmpty else {
            throw APIError(
                .unprocessableContent, "invalid_fleet",
                "the file names no node; nothing was applied")
        }
        let spec = await images.pinned(written, over: before.0)
        let changes = FleetDiff.between(old: before.1 == 0 ? nil : before.0, new: spec)
        let notes = installation.mismatch(spec.storage).map {
            ["\($0); \(Installation.takeStorage)"]
        }
        if dryRun || changes.isEmpty {
            return try JSONAnswer.response(
                Applied(revision: before.1, applied: false, changes: changes, notes: notes ?? []))
        }
        try requireStore()
        guard let reply = await loop.apply(spec, source: text) else {
            throw APIError.outcomeUnknown
        }
        if case .refused(let refusal) = reply { throw APIError(refusal) }
        let revision = await loop.read { controller, _ in controller.fleetRevision }
        await applied.set(
            AppliedFleet(revision: revision, at: loop.clock.now, source: text, spec: spec))
        return try JSONAnswer.response(
            Applied(revision: revision, applied: true, changes: changes, notes: notes ?? []))
    }

    /// The file's name for messages: one short component.
    private static func shortName(_ name: String) -> String {
        let last = name.split(separator: "/").last.map(String.init) ?? "cluster.yaml"
        let plain = last.filter { $0.isLetter || $0.isNumber || "._-".contains($0) }
        return plain.isEmpty ? "cluster.yaml" : String(plain.prefix(64))
    }
}
