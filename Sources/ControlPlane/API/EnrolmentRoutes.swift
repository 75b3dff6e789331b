import Crypto
import FleetCore
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import OrderedCollections

/// Enrolment: how agents are admitted, and how all their certificates are made void.
extension APIServer {
    func addEnrolments(_ api: RouterGroup<Context>) {
        api.get("/authority") { _, _ in
            try JSONAnswer.response(
                [
                    "certificate": enrolment.authority.trust,
                    "fingerprint": enrolment.authority.fingerprint,
                ])
        }
        api.post("/enrolments") { request, context in try await enrol(request, context) }
        api.get("/enrolments") { request, _ in
            try request.requireKnown([])
            let guests = enrolment.room.guests(at: loop.clock.now)
            return try JSONAnswer.response(Page(items: await views(guests), next: nil))
        }
        api.post("/enrolments/:name/approve") { request, context in
            try await approve(request, context)
        }
        api.post("/nodes/:name/ban") { _, context in try await ban(context) }
    }

    // MARK: What an agent asks

    /// The largest request of an agent, in bytes.
    private static let enrolmentLimit = 16 << 10

    private struct Waits: Encodable {
        let state = "pending"
        let node: String
        let key: String
    }

    private func enrol(_ request: Request, _ context: Context) async throws -> Response {
        let fields = try await object(
            request, known: ["node", "key", "version", "renews"], limit: Self.enrolmentLimit)
        let guest = try guest(fields, context)
        let what = "\(guest.node) with key \(guest.fingerprint)"
        switch try await enrolment.answer(guest, renews: try Self.proof(fields["renews"])) {
        case .admitted(let certificate, let isRenewal):
            if isRenewal {
                context.remark.say("renewed \(what)")
                await audit.note(request, context, who: .agent(of: guest.node), status: 200)
            }
            return try Self.admitted(certificate)
        case .waits(let isNew):
            if isNew {
                context.remark.say("asks to be admitted: \(what)")
                await audit.note(request, context, who: context.caller, status: 202)
            }
        case .full:
            throw APIError(
                .serviceUnavailable, "too_many_enrolments",
                "too many agents wait to be admitted; an administrator sees them with `jctl node ls-pending`",
                retryAfter: 60)
        }
        if let wait = Self.preferredWait(request),
            let certificate = await enrolment.room.certificate(for: guest.id, within: wait)
        {
            return try Self.admitted(certificate)
        }
        return try JSONAnswer.response(
            Waits(node: guest.node.rawValue, key: guest.fingerprint), status: .accepted)
    }

    private static func admitted(_ certificate: String) throws -> Response {
        try JSONAnswer.response(["state": "approved", "certificate": certificate])
    }

    private func guest(
        _ fields: [String: JSONValue], _ context: Context
    ) throws -> WaitingRoom.Guest {
        guard case .string(let node)? = fields["node"] else {
            throw APIError.invalid("`node` is missing")
        }
        if let problem = FleetText.dnsLabel(node) { throw APIError.invalid("`node` \(problem)") }
        guard case .string(let pem)? = fields["key"], pem.utf8.count <= 4 << 10 else {
            throw APIError.invalid("`key` must be a public key as PEM, of 4 KiB at most")
        }
        guard let key = try? P256.Signing.PublicKey(pemRepresentation: pem) else {
            throw APIError.impossible("`key` is no public key of P-256 as PEM")
        }
        return WaitingRoom.Guest(
            node: NodeName(node), key: key,
            address: context.channel?.remoteAddress?.ipAddress ?? "socket",
            version: try Self.version(fields["version"]), at: loop.clock.now)
    }

    /// A version as an agent says it: people will read it.
    private static func version(_ value: JSONValue?) throws -> String? {
        switch value {
        case nil, .null?: return nil
        case .string(let text)?
        where (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }):
            return text
        default: throw APIError.invalid("`version` must be 1…64 visible characters of ASCII")
        }
    }

    private static func proof(_ value: JSONValue?) throws -> RenewalProof? {
        guard let value, value != .null else { return nil }
        guard case .object(let fields) = value, fields.count == 2,
            case .string(let certificate)? = fields["certificate"],
            case .string(let signature)? = fields["signature"]
        else {
            throw APIError.invalid(
                "`renews` must have `certificate`, as PEM, and `signature`, as base64")
        }
        // What proves nothing is not refused: who shows it waits as any other.
        return RenewalProof(
            certificate: certificate, signature: Data(base64Encoded: signature) ?? Data())
    }

    // MARK: What an administrator does

    /// An agent that waits, and what the fleet knows of its name.
    private struct EnrolmentView: Encodable, Sendable {
        let node: String
        let key: String
        let address: String
        let version: Nullable<String>
        let since: String
        let lastAskedAt: String
        let cluster: Nullable<String>
        let role: Nullable<String>
        let inFleet: Bool
        let connected: Bool
        let bannedAt: Nullable<String>

        init(_ guest: WaitingRoom.Guest, in controller: Controller) {
            let present = controller.nodes[guest.node].flatMap { $0.retired ? nil : $0 }
            node = guest.node.rawValue
            key = guest.fingerprint
            address = guest.address
            version = Nullable(guest.version)
            since = guest.since.rfc3339
            lastAskedAt = guest.lastAskedAt.rfc3339
            cluster = Nullable(present?.cluster?.rawValue)
            role = Nullable(present.map { $0.isRoamer ? "roamer" : "dedicated" })
            inFleet = present != nil
            connected = present?.session != nil
            bannedAt = Nullable(controller.bans[guest.node]?.rfc3339)
        }
    }

    private struct BanView: Encodable, Sendable {
        let node: String
        let bannedAt: String
    }

    private func views(_ guests: [WaitingRoom.Guest]) async -> [EnrolmentView] {
        await loop.read { controller, _ in guests.map { EnrolmentView($0, in: controller) } }
    }

    private func approve(_ request: Request, _ context: Context) async throws -> Response {
        let node = NodeName(try name(context))
        let prefix = try Self.keyPrefix(
            try await object(request, known: ["key"], limit: Self.enrolmentLimit)["key"])
        let guest: WaitingRoom.Guest
        do {
            guest = try enrolment.room.choose(node, keyPrefix: prefix, at: loop.clock.now)
        } catch .nobody {
            throw APIError.notFound(
                prefix == nil
                    ? "agent that waits as \(node)" : "agent that waits as \(node) with that key")
        } catch .several(let keys) {
            throw APIError(
                .conflict, "ambiguous_key",
                "several agents wait as \(node); say which by the key that its log shows",
                details: keys)
        }
        let isConnected = await loop.read { controller, _ in
            controller.nodes[node]?.session != nil
        }
        guard prefix != nil || !isConnected else {
            throw APIError(
                .conflict, "node_connected",
                "\(node) is connected, so whoever waits may be another; say which by the key that its log shows",
                details: [guest.fingerprint])
        }
        context.remark.say("key \(guest.fingerprint)")
        try await enrolment.approve(guest)
        guard let view = await views([guest]).first else { throw APIError.outcomeUnknown }
        return try JSONAnswer.response(view)
    }

    /// The first digits of a fingerprint, with its word before them or without.
    private static func keyPrefix(_ value: JSONValue?) throws -> String? {
        guard let value, value != .null else { return nil }
        guard case .string(let text) = value, let prefix = digits(text) else {
            throw APIError.invalid(
                "`key` must be a fingerprint, `SHA256:…`, or at least its first 8 digits")
        }
        return prefix
    }

    private static func digits(_ fingerprint: String) -> String? {
        let word = "sha256:"
        let lower = fingerprint.lowercased()
        let digits = lower.hasPrefix(word) ? lower.dropFirst(word.count) : lower[...]
        let isGood =
            (8...64).contains(digits.utf8.count)
            && digits.utf8.allSatisfy(FleetText.isHex)
        return isGood ? String(digits) : nil
    }

    private func ban(_ context: Context) async throws -> Response {
        let node = NodeName(try name(context))
        let waiting = enrolment.room.guests(at: loop.clock.now).filter { $0.node == node }
        let isKnown = await loop.read { controller, _ in
            controller.nodes[node] != nil || controller.bans[node] != nil
        }
        // A ban of a mistyped name would be false safety.
        guard isKnown || !waiting.isEmpty else {
            throw APIError.notFound("node \(node), in the fleet or waiting")
        }
        let wall = enrolment.wall()
        try await ask { .banNode($0, node, wall: wall) }
        let bannedAt = await loop.read { controller, _ in controller.bans[node] }
        guard let bannedAt else { throw APIError.outcomeUnknown }
        let keys = waiting.map { ", waits with key \($0.fingerprint)" }.joined()
        context.remark.say("what was issued until \(bannedAt.rfc3339) is void\(keys)")
        logger.notice("a node is banned", metadata: ["node": "\(node)"])
        return try JSONAnswer.response(
            BanView(node: node.rawValue, bannedAt: bannedAt.rfc3339))
    }
}
