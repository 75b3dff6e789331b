/// Where a cog worker reports a prediction, and what it reports.
package struct CogWebhook: Sendable, Equatable {
    package enum Event: String, Sendable, CaseIterable {
        case start, output
        /// The whole log so far, at most every 500 ms.
        case logs
        case completed
    }

    /// `http://HOST:PORT/w/TOKEN`, as the worker reaches it.
    package let url: String
    package let events: [Event]

    /// By default only the start and the end are reported: each `logs` report repeats the whole
    /// log.
    package init(url: String, events: [Event] = [.start, .completed]) {
        self.url = url
        self.events = events
    }
}

/// The body of a prediction request.
enum CogRequest {
    static let inputBytesMax = 64 << 20
    static let idBytesMax = 128

    /// Throws `invalidRequest` when the input is not a JSON object or the id does not fit in a
    /// path.
    static func body(id: String, input: [UInt8], webhook: CogWebhook) throws(WorkerError) -> [UInt8]
    {
        try check(id: id)
        guard input.count <= inputBytesMax else {
            throw WorkerError(.invalidRequest, "The input is larger than \(inputBytesMax) bytes.")
        }
        // Checked, because it is pasted in: a second "webhook" must not ride along.
        guard let object = try? JSONText(validating: input), object.kind == .object else {
            throw WorkerError(.invalidRequest, "The input must be a JSON object.")
        }
        let events = webhook.events.map { "\"\($0.rawValue)\"" }.joined(separator: ",")
        return Array("{\"input\":".utf8) + object.raw
            + Array(",\"webhook\":\(JSONEscapes.quote(webhook.url))".utf8)
            + Array(",\"webhook_events_filter\":[\(events)]}".utf8)
    }

    static func check(id: String) throws(WorkerError) {
        let fine = id.utf8.allSatisfy {
            ContentType.isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
        }
        guard fine, (1...idBytesMax).contains(id.utf8.count) else {
            throw WorkerError(
                .invalidRequest,
                "A prediction id is 1 to \(idBytesMax) letters, digits, '-' or '_'.")
        }
    }
}

/// What a worker answered to a start.
package enum CogStart: Sendable, Equatable {
    /// The prediction has begun; its end comes by webhook. From the older server also when it was
    /// already there.
    case accepted
    /// The same id was already running, or had just ended and its result is still being delivered.
    case alreadyRunning
    /// Another prediction has the slot; the worker has no queue.
    case busy
    /// Setup is still running.
    case notReady
    /// The input does not fit the model; one sentence per problem.
    case invalidInput(String)
    /// Anything else, in the worker's words.
    case refused(String)
}

/// What a worker answered to a cancel.
package enum CogCancel: Sendable, Equatable {
    /// Asked for. A webhook "canceled" follows; the newer server sends it only when the model next
    /// runs Python code, which can be as late as its regular end. So give it a time limit, then
    /// kill the container.
    case requested
    /// No such prediction is running.
    case unknown
}
