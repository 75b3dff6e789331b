package import NIOCore

/// What a cog worker says about a prediction, read from a webhook body.
///
/// Webhooks arrive at least once and in any order ("processing" has been seen after "failed"): act
/// on the first terminal one and ignore the rest.
package struct CogResult: Sendable, Equatable {
    package enum Status: Sendable, Equatable {
        case starting, processing, succeeded, failed, canceled
        case unknown(String)

        /// No later status can follow.
        package var isTerminal: Bool {
            switch self {
            case .succeeded, .failed, .canceled: true
            case .starting, .processing, .unknown: false
            }
        }

        init(_ raw: String) {
            switch raw {
            case "starting": self = .starting
            case "processing": self = .processing
            case "succeeded": self = .succeeded
            case "failed": self = .failed
            case "canceled", "cancelled", "aborted": self = .canceled
            default: self = .unknown(String(raw.prefix(64)))
            }
        }
    }

    /// Bounds on what is taken from one result.
    package struct Limits: Sendable {
        /// Most files.
        package var outputsMax = 256
        /// Most decoded bytes over all files.
        package var bytesMax = 512 << 20
        /// Most elements in one list or object that is searched for files.
        package var valuesMax = 100_000
        /// Deepest level that is searched for files.
        static let fileDepthMax = 8

        package init() {}
    }

    /// The prediction's id as the worker gave it; empty when it gave none.
    package let id: String
    package let status: Status
    /// Why it failed, at most 4 KiB; nil when the worker gave no reason.
    package let error: String?
    /// The end of the prediction's log, at most 64 KiB.
    package let logsTail: String
    /// Seconds the model worked.
    package let predictTime: Double?
    /// Files carried in the result; only when it succeeded.
    package let outputs: [NamedOutput]
    /// Files left in the container, for the older server; only when it succeeded.
    package let containerFiles: [ContainerFile]
    /// Files that were sent before the result; only when it succeeded.
    package let uploads: [UploadedFile]

    package static let errorBytesMax = 4 << 10
    package static let logsBytesMax = 64 << 10

    /// Reads a webhook body.
    ///
    /// Throws `badResponse` when it is not a prediction, `badOutput` or `tooLarge` when its outputs
    /// cannot be taken.
    package static func decode(
        _ body: ByteBuffer, limits: Limits = Limits()
    ) throws(WorkerError) -> CogResult {
        let root = try JSONText(validating: [UInt8](buffer: body))
        // One pass: each look for a single member would step over all of a large output again.
        let members = try root.members(max: 256)
        func member(_ name: String) -> JSONText? { members.last { $0.key == name }?.value }
        guard let status = member("status")?.string.map(Status.init) else {
            throw WorkerError(.badResponse, "The worker sent something that is not a prediction.")
        }
        // Only the older server reports times, and only it leaves files in the container.
        var files = CogOutputs(limits: limits, pathsAreFiles: member("started_at") != nil)
        if status == .succeeded, let output = member("output") { try files.take(output) }
        let seconds = try member("metrics")?.member("predict_time")?.number
        return CogResult(
            id: tail(member("id")?.string ?? "", bytes: 256),
            status: status,
            error: member("error")?.string.map { hidingTokens(tail($0, bytes: errorBytesMax)) },
            logsTail: hidingTokens(tail(member("logs")?.string ?? "", bytes: logsBytesMax)),
            predictTime: seconds.flatMap { $0.isFinite && $0 >= 0 ? $0 : nil },
            outputs: files.outputs,
            containerFiles: files.containerFiles,
            uploads: files.uploads)
    }

    /// Whether it failed because its files could not be sent, in the words of cog's servers.
    ///
    /// Nobody took them, most likely: whoever refuses one knows why.
    package var couldNotSend: Bool {
        guard status == .failed, let error else { return false }
        return error.hasPrefix("Failed to upload output:")
            || error.hasPrefix("Failed to process output file: upload ")
            || error.hasSuffix("Got error trying to upload output files")
    }

    /// The text without the secret parts of webhook addresses.
    ///
    /// The older server names the whole address when a report could not be delivered.
    static func hidingTokens(_ text: String) -> String {
        var hidden = ""
        var rest = text[...]
        while let mark = rest.firstRange(of: "/w/") {
            hidden += rest[..<mark.upperBound]
            rest = rest[mark.upperBound...]
            let token = rest.prefix { WebhookTokens.isToken(String($0)) }
            // Shorter ones are somebody's path, not a secret.
            guard token.utf8.count >= 16 else { continue }
            hidden += "…"
            rest = rest[token.endIndex...]
        }
        return hidden + rest
    }

    /// The last bytes of a text, cut between characters.
    static func tail(_ text: String, bytes: Int) -> String {
        guard text.utf8.count > bytes else { return text }
        let cut = text.utf8.dropFirst(text.utf8.count - bytes)
        let start = cut.firstIndex { $0 & 0xC0 != 0x80 } ?? cut.endIndex
        return String(text[start...])
    }
}
