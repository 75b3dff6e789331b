/// What a cog worker's `/health-check` says.
///
/// The HTTP status is always 200; only the body tells.
package struct CogHealth: Sendable, Equatable {
    package enum Status: Sendable, Equatable {
        /// Setup is running. Lasts for ever if the worker's subprocess cannot start, unless
        /// `COG_SETUP_TIMEOUT` is set.
        case starting
        case ready
        /// Every slot is taken; in the older server also while a result is being delivered.
        case busy
        /// The model's setup raised an error: this container will never be ready.
        case setupFailed
        /// The model's process died (older server): the container is about to end.
        case defunct
        /// The model's process died (newer server), or the model's own health check failed.
        case unhealthy
        case unknown(String)

        /// The container has to be replaced: it will not work again.
        package var isBroken: Bool {
            self == .setupFailed || self == .defunct || self == .unhealthy
        }
    }

    package let status: Status
    /// The end of the setup log, at most 4 KiB.
    package let setupLogs: String
    /// Version of the newer server; nil from the older one.
    package let serverVersion: String?
    /// What the model's own health check complained about.
    package let complaint: String?

    package static let setupLogsBytesMax = 4 << 10

    static func decode(_ body: [UInt8]) throws(WorkerError) -> CogHealth {
        let root = try JSONText(validating: body)
        guard let raw = try root.member("status")?.string else {
            throw WorkerError(.badResponse, "The worker's health answer has no status.")
        }
        let logs = try root.member("setup")?.member("logs")?.string ?? ""
        return CogHealth(
            status: status(raw),
            setupLogs: CogResult.tail(logs, bytes: setupLogsBytesMax),
            serverVersion: try root.member("version")?.member("coglet")?.string.map {
                String($0.prefix(64))
            },
            complaint: try root.member("user_healthcheck_error")?.string.map {
                CogResult.tail($0, bytes: CogResult.errorBytesMax)
            })
    }

    private static func status(_ raw: String) -> Status {
        switch raw {
        case "STARTING": .starting
        case "READY": .ready
        case "BUSY": .busy
        case "SETUP_FAILED": .setupFailed
        case "DEFUNCT": .defunct
        case "UNHEALTHY": .unhealthy
        default: .unknown(String(raw.prefix(64)))
        }
    }
}
