import FleetCore
import FleetLink
import FleetWire
import Foundation
import Settings
import Synchronization

@testable import NodeAgent

/// The controller's end of a real link: it welcomes the agent, hands out orders, and keeps what it is told.
final class FakeController: Sendable {
    struct State {
        var connection: LinkConnection?
        var set: UInt64 = 0
        var workers: [WorkerOrder] = []
        var attempts: [AttemptOrder] = []
        var cleaning: UInt64 = 0
        var heard: [AgentMessage] = []
        var logs: [AttemptKey: [UInt8]] = [:]
    }
    let port = Latest(0)
    let version = Latest(0)
    /// Whether the node's certificate is void.
    let isBanned = Latest(false)
    private let state = Mutex(State())
    private let context: TLSContext
    let uploadURL: String
    /// What inputs can refer to.
    let inputs: [String: InputGrant]

    init(context: TLSContext, uploadURL: String, inputs: [String: InputGrant] = [:]) {
        self.inputs = inputs
        self.context = context
        self.uploadURL = uploadURL
    }

    func run() async throws {
        let context = context
        try await LinkServer.run(
            host: "127.0.0.1", port: 0, context: context, logger: quiet,
            onBound: { self.port.set($0) },
            handler: { connection in
                connection.setFrameLimit(1 << 20)
                do {
                    for try await frame in connection.inbound {
                        self.take(try WireCodec.decodeAgent(frame), connection)
                    }
                } catch {}
            })
    }

    private func take(_ message: AgentMessage, _ connection: LinkConnection) {
        state.withLock { state in
            state.heard.append(message)
            switch message {
            case .hello where isBanned.value:
                say(.goodbye(reason: "banned", certificateIsVoid: true), connection)
            case .hello:
                state.connection = connection
                say(
                    .welcome(
                        Welcome(
                            session: SessionID(UInt64.random(in: 1 ... .max)), term: 1,
                            fleet: "jessica", heartbeat: .seconds(1), stopAfter: .seconds(30))),
                    connection)
                say(.logCredit(bytes: 1 << 20), connection)
                state.set += 1
                say(.assignments(whole(state)), connection)
            case .heartbeat(let sequence): say(.renewed(sequence: sequence), connection)
            case .report(let sequence, _): say(.acknowledged(sequence: sequence), connection)
            case .log(let chunk):
                keep(chunk, &state)
                if chunk.isLast { say(.logKept(chunk.key), connection) }
            case .uploadRequest(let id, let request):
                let key = "outputs/\(request.key)/\(request.name)"
                let grant = UploadGrant(
                    url: "\(uploadURL)/\(key)", headers: [.init(name: "X-Test", value: "1")],
                    objectKey: key)
                say(.uploadGrant(id: id, grant), connection)
            case .inputRequest(let id, let request):
                say(.inputGrant(id: id, inputs[request.text] ?? .init(refusal: "none")), connection)
            case .telemetry, .unknown: break
            }
        }
        version.set(version.value + 1)
    }

    /// Keeps what is new of a log, as its job wrote it.
    private func keep(_ chunk: LogChunk, _ state: inout State) {
        var log = state.logs[chunk.key] ?? []
        guard chunk.offset <= UInt64(log.count),
            let part = try? LogText.part(
                behind: UInt64(log.count), of: chunk.text, at: chunk.offset)
        else { return }
        var index = 0
        while let record = try? LogText.record(in: part.text, at: index) {
            log += part.text[record.content] + (record.endsLine ? [UInt8(ascii: "\n")] : [])
            index = record.end
        }
        state.logs[chunk.key] = log
    }

    private func whole(_ state: State) -> Assignments {
        Assignments(
            term: 1, appliesTo: nil, resultsIn: state.set, workers: state.workers,
            attempts: state.attempts, cleaning: state.cleaning)
    }

    private func say(_ message: ControllerMessage, _ connection: LinkConnection) {
        guard let bytes = try? WireCodec.encode(message) else { return }
        connection.send(bytes, lane: .control)
    }

    /// Changes the orders, and sends the whole set anew.
    func order(_ change: (inout State) -> Void) {
        state.withLock { state in
            change(&state)
            state.set += 1
            if let connection = state.connection { say(.assignments(whole(state)), connection) }
        }
    }

    func order(_ attempt: AttemptOrder) {
        order { state in
            state.attempts.removeAll { $0.key == attempt.key }
            state.attempts.append(attempt)
        }
    }

    var heard: [AgentMessage] { state.withLock { $0.heard } }
    func log(_ key: AttemptKey) -> String {
        state.withLock { String(decoding: $0.logs[key] ?? [], as: UTF8.self) }
    }

    /// Waits until something is so.
    ///
    /// Throws with all that was heard.
    func wait<Value: Sendable>(
        _ what: String, within: Duration = .seconds(60),
        _ find: @escaping @Sendable (FakeController) -> Value?
    ) async throws -> Value {
        let found = try await withLimit(within) {
            while true {
                let before = self.version.value
                if let value = find(self) { return value }
                _ = try await self.version.wait { $0 != before }
            }
        }
        guard let found else {
            let words = heard.suffix(30).map { "\($0)" }.joined(separator: "\n")
            throw Timeout(description: "\(what) did not come; heard:\n\(words)")
        }
        return found
    }

    /// The last report of an attempt, once it is in that phase or a final one.
    func attempt(_ key: AttemptKey, _ phase: AttemptPhase) async throws -> AttemptReport {
        try await wait("\(key) \(phase)") { controller in
            controller.reports(key).first { $0.phase == phase || $0.phase.isFinal }
        }
    }

    /// Waits until an attempt is in that phase; throws when it ended otherwise.
    func reach(_ key: AttemptKey, _ phase: AttemptPhase) async throws {
        let report = try await attempt(key, phase)
        guard report.phase == phase else {
            throw Timeout(description: "\(key) ended: \(report)")
        }
    }

    func reports(_ key: AttemptKey) -> [AttemptReport] {
        heard.compactMap { message in
            guard case .report(_, .attempt(let report)) = message, report.key == key else {
                return nil
            }
            return report
        }
    }

    func workerReports(_ id: WorkerID) -> [WorkerReport] {
        heard.compactMap { message in
            guard case .report(_, .worker(let report)) = message, report.id == id else {
                return nil
            }
            return report
        }
    }
}
