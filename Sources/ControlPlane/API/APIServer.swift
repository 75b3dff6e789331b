import FleetCore
import Foundation
import HTTPTypes
package import Hummingbird
package import JobCatalogue
package import Logging
import NIOCore
package import ObjectStore
package import RedisStore

/// The HTTP API: it decodes and checks what comes, asks the loop, and encodes what it says.
package struct APIServer: Sendable {
    /// The machine.
    let loop: ControlLoop
    /// What happened.
    let feed: EventFeed
    /// What changes too often to be an event.
    let live: LiveFeed
    /// The logs of attempts.
    let logs: LogStore
    /// The durable record, for what is no longer in memory.
    let store: FleetStore
    /// All jobs that are kept.
    let catalogue: JobCatalogue
    /// Outputs.
    let objects: any ObjectStore
    /// Inputs that are too large for the record.
    let inputs: InputStore
    /// The embedded store's own address, when outputs are kept in a folder.
    let folder: EmbeddedObjects?
    let applied: AppliedSource
    let sessions: SessionTable
    let counters: LinkCounters
    let meters: FleetMeters
    /// Where events are delivered to.
    let webhooks: WebhookCourier
    /// What images are.
    let images: ImageResolver
    let installation: Installation
    let backups: BackupDesk
    /// Who is admitted as a node.
    let enrolment: EnrolmentDesk
    let audit: AuditTrail
    let mint = JobIDMint()
    let openKeys = OpenKeys()
    let startedAt = ContinuousClock.now
    let logger: Logger

    typealias Context = APIContext

    /// The largest body of an ordinary request, in bytes.
    static let bodyLimit = 512 << 10

    /// Creates the API.
    package init(
        loop: ControlLoop, feed: EventFeed, live: LiveFeed, logs: LogStore, store: FleetStore,
        catalogue: JobCatalogue, objects: any ObjectStore, inputs: InputStore,
        folder: EmbeddedObjects?,
        applied: AppliedSource,
        sessions: SessionTable, counters: LinkCounters, meters: FleetMeters,
        webhooks: WebhookCourier, images: ImageResolver, installation: Installation,
        backups: BackupDesk, enrolment: EnrolmentDesk,
        audit: AuditTrail,
        logger: Logger
    ) {
        self.loop = loop
        self.feed = feed
        self.live = live
        self.logs = logs
        self.store = store
        self.catalogue = catalogue
        self.objects = objects
        self.inputs = inputs
        self.folder = folder
        self.applied = applied
        self.sessions = sessions
        self.counters = counters
        self.meters = meters
        self.webhooks = webhooks
        self.images = images
        self.installation = installation
        self.backups = backups
        self.enrolment = enrolment
        self.audit = audit
        self.logger = logger
    }

    /// Answers everything; with `tokens` only those who show one.
    package func router(tokens: TokenBook?) -> Router<APIContext> {
        let router = routes(tokens: tokens)
        WrongMethods.add(to: router)
        return router
    }

    /// What there is: the routes that `docs/openapi.yaml` describes.
    func routes(tokens: TokenBook?) -> Router<APIContext> {
        let router = Router(context: Context.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ErrorShape(meters: meters))
        if let tokens {
            router.add(
                middleware: TokenCheck(tokens: tokens, clock: loop.clock, audit: audit))
        }
        router.add(middleware: AuditMiddleware(trail: audit))
        addOperations(router)
        let api = router.group("/api/v1").add(middleware: RoleCheck())
        addJobs(api)
        addBulkActions(api)
        addPlans(api)
        addUploads(api)
        addJobParts(api)
        addNodes(api)
        addEnrolments(api)
        addFleet(api)
        addEvents(api)
        addDiagnosis(api)
        addTokens(api)
        addWebhooks(api)
        addBackups(api)
        addAudit(api)
        if let folder { folder.addRoutes(router) }
        return router
    }

    // MARK: Shared by the routes

    /// Refuses at once what could not be stored.
    func requireStore() throws {
        if !loop.health.isHealthy { throw APIError.storeAway }
    }

    /// What the record says; throws `APIError.storeAway` when it cannot be read.
    func record<Value>(_ read: () async throws -> Value) async throws -> Value {
        do {
            return try await read()
        } catch {
            throw APIError.storeAway
        }
    }

    /// Asks the machine; throws what it refuses.
    @discardableResult
    func ask(_ event: (FleetCore.RequestID) -> ControllerEvent) async throws -> Reply {
        try requireStore()
        guard let reply = await loop.ask(event) else { throw APIError.outcomeUnknown }
        if case .refused(let refusal) = reply { throw APIError(refusal) }
        return reply
    }

    /// Submits jobs whose images are pinned and whose inputs are kept first; `submit` tells whether they are in
    /// the record now.
    func preparing<Answer>(
        _ jobs: [PlanRequest.Member],
        _ submit: ([PlanRequest.Member]) async throws -> (Answer, isNew: Bool)
    ) async throws -> Answer {
        try requireStore()
        try await requireHeeded(jobs)
        try await inputs.requireUploads(of: jobs, at: loop.clock.now)
        let kept = try await inputs.keep(await pinned(jobs))
        let stored = kept.filter { $0.request.stored != nil }.map(\.id)
        do {
            let (answer, isNew) = try await submit(kept)
            if !isNew { await inputs.drop(stored) }
            return answer
        } catch let error as APIError {
            // They may be there after all.
            if error.code != APIError.outcomeUnknown.code { await inputs.drop(stored) }
            throw error
        }
    }

    private func pinned(_ jobs: [PlanRequest.Member]) async -> [PlanRequest.Member] {
        guard jobs.contains(where: { $0.request.image != nil }) else { return jobs }
        let fleet = await loop.read { controller, _ in controller.fleet }
        return await images.pinned(jobs, in: fleet)
    }

    /// The body, bounded.
    func body(_ request: Request, limit: Int = bodyLimit) async throws -> Data {
        do {
            let buffer = try await request.body.collect(upTo: limit)
            return Data(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw APIError(.contentTooLarge, "too_large", "a body may have \(limit) bytes at most")
        }
    }

    /// The body as a JSON object; an empty body is an empty object, and a member that is not among
    /// `known` is refused.
    func object(
        _ request: Request, known: Set<String>? = nil, limit: Int = bodyLimit
    ) async throws -> [String: JSONValue] {
        let data = try await body(request, limit: limit)
        if data.isEmpty { return [:] }
        do {
            guard case .object(let fields) = try JSONDecoder().decode(JSONValue.self, from: data)
            else { throw APIError.invalid("the body must be a JSON object") }
            if let known, let key = fields.keys.sorted().first(where: { !known.contains($0) }) {
                throw APIError.invalid(
                    "unknown field `\(key)`; known: \(known.sorted().joined(separator: ", "))")
            }
            return fields
        } catch let error as DecodingError {
            throw APIError.invalid("the body is no JSON: \(Self.text(error))")
        }
    }

    private static func text(_ error: DecodingError) -> String {
        if case .dataCorrupted(let context) = error { return context.debugDescription }
        return "it cannot be read"
    }

    func name(
        _ context: Context, _ parameter: String = "name", atMost limit: Int = nameLimit
    ) throws -> String {
        // The router hands out the part of the path as it came.
        guard let value = try context.parameters.require(parameter).removingPercentEncoding else {
            throw APIError.invalid("\(parameter) cannot be read")
        }
        guard value.unicodeScalars.count <= limit else {
            throw APIError.invalid("\(parameter) is too long")
        }
        return value
    }

    /// The longest name of anything, in characters.
    static let nameLimit = 128

    /// A name in the query; nil when there is none.
    func name(_ request: Request, query parameter: String) throws -> String? {
        guard let value = request.uri.queryParameters[Substring(parameter)] else { return nil }
        guard value.unicodeScalars.count <= Self.nameLimit else {
            throw APIError.invalid("\(parameter) is too long")
        }
        return String(value)
    }

    func limit(_ request: Request, standard: Int = 100, most: Int = 1_000) throws -> Int {
        try request.number("limit", in: 1...most) ?? standard
    }
}

extension Request {
    /// Refuses a query with other parameters: a misspelt filter would choose everything.
    func requireKnown(_ names: [String]) throws {
        for name in uri.queryParameters.map(\.key) where !names.contains(String(name)) {
            let known = names.isEmpty ? "none" : names.joined(separator: ", ")
            throw APIError.invalid(
                "no parameter is named `\(name.prefix(40))`; there are \(known)")
        }
    }

    /// A whole number of the query; nil when there is none.
    func number(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = uri.queryParameters[Substring(name)] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw APIError.invalid("\(name) must be \(range.lowerBound)…\(range.upperBound)")
        }
        return number
    }

    /// A switch of the query: `true`, `false`, or its name alone.
    func flag(_ name: String) throws -> Bool {
        switch uri.queryParameters[Substring(name)] {
        case nil, "false": false
        case "true", "": true
        default: throw APIError.invalid("\(name) must be true or false")
        }
    }

    /// A header by its name.
    func header(_ name: String) -> String? {
        HTTPField.Name(name).flatMap { headers[$0] }
    }
}

/// The text of the fleet in force, for those who ask.
package actor AppliedSource {
    private(set) var current: AppliedFleet?

    /// Begins with what was loaded.
    package init(_ current: AppliedFleet?) { self.current = current }

    func set(_ applied: AppliedFleet) { current = applied }
}
