import AsyncHTTPClient
import Crypto
import FleetCore
import Logging
import NIOCore
import Settings
import Synchronization
import WorkerContracts

/// Work given to cog workers, and what they report of it.
final class Predictions: Sendable {
    private struct Entry {
        let key: AttemptKey
        var container: String
        var splitter = LogSplitter()
        var end = End.open
        /// Whether the worker has answered the request; what follows must wait for that.
        let answered: Latest<Bool>
        /// Whether the worker may have taken it.
        var isTaken: Bool
        /// Set when nobody wants it any more, while its input is fetched.
        let stop = Latest(false)
    }
    private enum End {
        /// No end is known. Can become: keeping.
        case open
        /// A report of the end is being made safe. Can become: kept.
        case keeping
        /// The end is safe here.
        case kept
    }
    let tokens: WebhookTokens
    /// Where workers report: `http://ADDRESS:PORT/w/`; nil while nobody listens.
    let address: Latest<String?>
    /// The files that workers send before they report.
    let uploads: Uploads
    private let http: HTTPClient
    private let secret: SymmetricKey
    private let folders: AttemptFolders
    private let collector: Collector
    private let outbox: LogOutbox
    let inputs: InputResolver
    private let logger: Logger
    private let post: @Sendable (AgentEvent) -> Void
    private let entries = Mutex<[String: Entry]>([:])

    /// How long a worker's start waits for somebody to listen: until another port was chosen.
    private static let addressWithin = Duration.seconds(15)

    init(
        http: HTTPClient, secret: SymmetricKey, folders: AttemptFolders, collector: Collector,
        outbox: LogOutbox, inputs: InputResolver, tokens: WebhookTokens = WebhookTokens(),
        address: Latest<String?> = Latest(nil), logger: Logger,
        post: @escaping @Sendable (AgentEvent) -> Void
    ) {
        self.tokens = tokens
        self.address = address
        self.http = http
        self.secret = secret
        self.folders = folders
        self.collector = collector
        self.outbox = outbox
        self.inputs = inputs
        self.logger = logger
        self.post = post
        uploads = Uploads(folders: folders, secret: secret, tokens: tokens, logger: logger)
    }

    /// The secret part of the address for an attempt's reports; the same in every life of the agent.
    static func token(_ key: AttemptKey, secret: SymmetricKey) -> String {
        HMAC<SHA256>.authenticationCode(for: Array("\(key)".utf8), using: secret).hexadecimal
    }

    /// Listens for the reports of what a former life began; call it before anybody listens.
    func restore(_ records: [AttemptRecord]) {
        for record in records where !record.phase.isFinal {
            inputs.relay?.admit(record.order.key)
            guard case .worker(let worker) = record.order.place, let container = record.container
            else { continue }
            admit(record.order.key, of: worker, container: container.id, isTaken: true)
        }
        tokens.markRestored()
    }

    private func admit(
        _ key: AttemptKey, of worker: WorkerID?, container: String, isTaken: Bool
    ) {
        let token = Self.token(key, secret: secret)
        let isNew = entries.withLock { entries in
            if let known = entries[token], known.container == container, known.isTaken {
                return false
            }
            entries[token] = Entry(
                key: key, container: container, answered: Latest(isTaken), isTaken: isTaken)
            return true
        }
        if isNew, let worker { uploads.admit(key, of: worker) }
        _ = tokens.admit(token)
    }

    /// Nobody wants that attempt's reports any more, or needs what they were asked with.
    func forget(_ key: AttemptKey) {
        let token = Self.token(key, secret: secret)
        tokens.revoke(token)
        let entry = entries.withLock { $0.removeValue(forKey: token) }
        entry?.stop.set(true)
        entry?.answered.set(true)
        uploads.close(key)
        // After the stop: what is fetched meanwhile is let go of by whoever fetches it.
        inputs.relay?.forget(key)
    }

    private func worker(_ fact: ContainerFact) -> CogWorker? {
        fact.address.map { CogWorker(http: http, baseURL: "http://\($0)") }
    }

    /// Where a worker that is going to be started sends its files; nil when nobody listens in time.
    ///
    /// `gateway` is the node's address on the worker's network: the one where we listened last may be gone.
    func uploadURL(of worker: WorkerID, gateway: String?) async -> String? {
        guard let gateway else { return nil }
        let base = try? await withLimit(Self.addressWithin) { [address] in
            try await address.wait { $0?.hasPrefix("http://\(gateway):") ?? false }
        }
        return (base ?? nil).map { $0 + uploads.place(of: worker) }
    }

    // MARK: Asking

    /// Asks a worker to work.
    func start(_ order: AttemptOrder, _ fact: ContainerFact) async {
        guard let base = address.value else {
            post(
                .predictionStarted(order.key, .later("nobody listens for the worker's reports yet"))
            )
            return
        }
        guard let worker = worker(fact) else {
            post(.predictionStarted(order.key, .unreachable("the worker has no address")))
            return
        }
        let token = Self.token(order.key, secret: secret)
        admit(order.key, of: fact.worker, container: fact.id, isTaken: false)
        let input: [UInt8]
        switch await whole(order, token) {
        // Whoever stopped it says so.
        case nil: return forget(order.key)
        case .failure(let failure):
            forget(order.key)
            return post(.predictionStarted(order.key, .refused(failure)))
        case .success(let bytes): input = bytes
        }
        let start = await ask(
            worker, order, input,
            CogWebhook(
                url: base + token, events: [.start, .logs, .completed]))
        let answered = entries.withLock { entries in
            entries[token]?.isTaken = true
            return entries[token]?.answered
        }
        switch start {
        // A worker that does not answer may have taken it all the same.
        case .started, .unreachable: break
        case .later, .refused: forget(order.key)
        }
        post(.predictionStarted(order.key, start))
        answered?.set(true)
    }

    /// The input with all that it refers to; nil when the work was stopped before it was there.
    private func whole(_ order: AttemptOrder, _ token: String) async -> Result<[UInt8], Failure>? {
        guard let stop = entries.withLock({ $0[token]?.stop }) else { return nil }
        return await inputs.resolve(order, unless: stop)
    }

    private func ask(
        _ worker: CogWorker, _ order: AttemptOrder, _ input: [UInt8], _ webhook: CogWebhook
    ) async -> PredictionStart {
        do {
            let answer = try await worker.start(
                id: NodeLabels.plain(order.key), input: input, webhook: webhook)
            switch answer {
            case .accepted, .alreadyRunning: return .started
            case .busy: return .later("the worker is busy")
            case .notReady: return .later("the worker is not ready")
            case .invalidInput(let text): return .refused(Failure(.invalidInput, text))
            case .refused(let text): return .refused(Failure(.workFailed, text))
            }
        } catch {
            switch error.code {
            case .invalidRequest: return .refused(Failure(.invalidInput, error.message))
            case .timeout:
                // It may have begun all the same; a second request could run it twice.
                if let health = try? await worker.health(), health.status == .busy {
                    return .started
                }
                return .unreachable(error.message)
            case .unreachable, .cancelled, .badResponse, .badOutput, .tooLarge, .listenFailed:
                return .unreachable(error.message)
            }
        }
    }

    /// Takes up what a former life of the agent began; its end may be here already.
    func await(_ key: AttemptKey, _ fact: ContainerFact) async {
        admit(key, of: fact.worker, container: fact.id, isTaken: true)
        if let end = await folders.ending(of: key) { post(.predictionEnded(key, end.event)) }
    }

    /// Asks a worker to stop its work; its report says when it has.
    func cancel(_ key: AttemptKey, _ fact: ContainerFact) async {
        let token = Self.token(key, secret: secret)
        // A stop must not overtake the start it is for.
        if let entry = entries.withLock({ $0[token] }) {
            if !entry.isTaken { entry.stop.set(true) }
            _ = try? await entry.answered.wait { $0 }
        }
        guard entries.withLock({ $0[token]?.isTaken }) == true, let worker = worker(fact) else {
            post(.predictionEnded(key, .cancelled))
            return
        }
        do {
            if try await worker.cancel(id: NodeLabels.plain(key)) == .unknown {
                post(.predictionEnded(key, .cancelled))
            }
        } catch {
            // The machine does not wait for ever: then it starts the worker anew.
            logger.notice(
                "worker cannot be asked to stop",
                metadata: ["attempt": "\(key)", "error": "\(error)"])
        }
    }

    // MARK: Reports

    /// Takes a report; what is answered with `stored` is safe here.
    func received(_ delivery: WebhookDelivery) async -> WebhookAnswer {
        guard let entry = entries.withLock({ $0[delivery.token] }) else { return .unwanted }
        let result: CogResult?
        var ending: AttemptFolders.Ending
        switch delivery.body {
        case .tooLarge(let limit):
            result = nil
            ending = .failed(
                Failure(
                    .workFailed,
                    "the worker's result is larger than \(limit >> 20) MiB; "
                        + "`large_outputs: true` in the service lets larger files through"))
        case .bytes(let bytes):
            do {
                let decoded = try CogResult.decode(bytes)
                takeLog(decoded.logsTail, delivery.token)
                guard let end = Self.ending(decoded) else { return .stored }
                result = decoded
                ending = end
            } catch {
                result = nil
                ending = .failed(Failure(.workFailed, error.message))
            }
        }
        switch beginEnd(delivery.token) {
        // Cog repeats itself; what is on its way to the disk is not safe yet.
        case .keeping: return .retryLater
        case .kept, nil: return .stored
        case .open:
            // Its own words would be that a request failed.
            if let lost = uploads.close(entry.key), ending != .cancelled {
                ending = .failed(lost)
            }
            await keep(ending, result, entry)
            entries.withLock { $0[delivery.token]?.end = .kept }
            return .stored
        }
    }

    /// How the work ended; nil when it has not.
    private static func ending(_ result: CogResult) -> AttemptFolders.Ending? {
        switch result.status {
        case .starting, .processing, .unknown: nil
        case .succeeded: .succeeded
        case .canceled: .cancelled
        // The work was done, and nobody was here.
        case .failed where result.couldNotSend:
            .failed(
                Failure(
                    .resultLost, "the worker could not send its files: \(result.error ?? "")"))
        case .failed:
            .failed(Failure(.workFailed, result.error ?? "the worker gave no reason"))
        }
    }

    /// Claims the end; what was known of it before.
    private func beginEnd(_ token: String) -> End? {
        entries.withLock { entries in
            let before = entries[token]?.end
            if case .open = before { entries[token]?.end = .keeping }
            return before
        }
    }

    private func takeLog(_ text: String, _ token: String) {
        let news = entries.withLock { entries -> (AttemptKey, [UInt8], Bool)? in
            guard let fresh = entries[token]?.splitter.fresh(in: text), !fresh.isEmpty,
                let entry = entries[token]
            else { return nil }
            return (entry.key, Array(fresh), entry.splitter.followsLoss)
        }
        guard let (key, bytes, followsLoss) = news else { return }
        if followsLoss { outbox.appendLoss(key, .unreported) }
        outbox.append(key, bytes)
    }

    /// Makes the end safe, and tells the machine.
    private func keep(
        _ ending: AttemptFolders.Ending, _ result: CogResult?, _ entry: Entry
    ) async {
        let end = await folders.settle(ending, entry.key, logger) { scratch in
            guard let result else { return }
            try await folders.write(result.outputs, into: scratch)
            try await collector.copy(
                result.containerFiles, container: entry.container, into: scratch)
            try await folders.place(result.uploads, of: entry.key, into: scratch)
        }
        await folders.dropUploads(entry.key)
        post(.predictionEnded(entry.key, end.event))
    }
}

extension ContainerFact {
    /// Whose container it is; nil for any but a worker's.
    fileprivate var worker: WorkerID? {
        guard case .worker(let id, _) = purpose else { return nil }
        return id
    }
}
