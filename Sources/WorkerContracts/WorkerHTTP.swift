import AsyncHTTPClient
import NIOCore
import NIOHTTP1

// What talking to a worker over HTTP has in common, whatever the contract.

extension HTTPClient.Configuration {
    /// Settings for a client that talks to workers: no redirects, short connects, HTTP/1.1.
    static func forWorkers(connect: TimeAmount, read: TimeAmount) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: connect, read: read)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }
}

extension TimeAmount {
    /// How long a worker may take to say how it is.
    ///
    /// Nothing waits for the model there: cog's servers answer beside its process, and where an
    /// OpenAI-compatible server computes in the thread that would answer, our open call tells that it lives.
    /// An answer takes milliseconds, and on a Jetson whose cores are all busy or whose memory is short maybe a
    /// second or two. One that is later still costs nothing: only many in a row that are missing end a worker.
    /// More patience would only put off that moment for a worker that hangs.
    static let healthAnswer = TimeAmount.seconds(3)
}

extension HTTPClientRequest {
    /// A request to a worker at `http://HOST:PORT`, with or without a slash at its end.
    ///
    /// On a connection of its own: servers close idle ones (cog's older one after 5 s), and cog's newer
    /// one that whose request body it did not read, such as a cancel's. Nothing must be lost in that race.
    init(_ method: HTTPMethod, worker base: String, _ path: String) {
        self.init(url: (base.hasSuffix("/") ? String(base.dropLast()) : base) + path)
        self.method = method
        headers.add(name: "Connection", value: "close")
    }
}

extension WorkerError {
    /// What a failure of the client says of the worker.
    init(ofClient error: any Error) {
        if let error = error as? WorkerError {
            self = error
        } else if error is CancellationError {
            self.init(.cancelled, "The request was cancelled.")
        } else if error is NIOTooManyBytesError {
            self.init(.tooLarge, "The worker's answer is too large.")
        } else {
            self.init(ofHTTP: error)
        }
    }

    private init(ofHTTP error: any Error) {
        switch error as? HTTPClientError {
        case .cancelled: self.init(.cancelled, "The request was cancelled.")
        case .connectTimeout:
            self.init(.unreachable, "The worker could not be reached in time.")
        case .deadlineExceeded, .readTimeout, .writeTimeout:
            self.init(.timeout, "The worker did not answer in time.")
        case .invalidURL, .emptyHost, .emptyScheme:
            self.init(.invalidRequest, "The worker's address is not a URL.")
        default: self.init(.unreachable, "The worker could not be reached: \(error)")
        }
    }
}
