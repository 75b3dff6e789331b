import CFleetMessages
import CProtobufC
import FleetCore

extension Jessica__V1__AgentEnvelope {
    /// An envelope without a message.
    static func empty() -> Self {
        var envelope = unsafe Self()
        unsafe jessica__v1__agent_envelope__init(&envelope)
        return unsafe envelope
    }

    /// Puts a message into the envelope; `log` is the text of its piece of log, if it is one.
    mutating func fill(
        _ message: AgentMessage, log: UnsafeBufferPointer<UInt8>, _ arena: borrowing Arena
    ) throws(WireError) {
        switch message {
        case .hello(let value):
            unsafe hello = try arena.make(value, "Hello")
            unsafe kind_case = JESSICA__V1__AGENT_ENVELOPE__KIND_HELLO
        case .heartbeat(let sequence):
            unsafe heartbeat = try arena.make(sequence, "Heartbeat")
            unsafe kind_case = JESSICA__V1__AGENT_ENVELOPE__KIND_HEARTBEAT
        case .report(let sequence, let value):
            unsafe report = try arena.make((sequence, value), "Report")
            unsafe kind_case = JESSICA__V1__AGENT_ENVELOPE__KIND_REPORT
        case .telemetry(let value):
            unsafe telemetry = try arena.make(value, "Telemetry")
            unsafe kind_case = JESSICA__V1__AGENT_ENVELOPE__KIND_TELEMETRY
        case .log(let chunk):
            let lent = unsafe LentLogChunk(
                key: chunk.key, offset: chunk.offset, text: log, isLast: chunk.isLast)
            unsafe self.log = try Jessica__V1__LogChunk.make(lent, arena)
            unsafe kind_case = JESSICA__V1__AGENT_ENVELOPE__KIND_LOG
        case .uploadRequest(let id, let value):
            unsafe upload_request = try arena.make((id, value), "UploadRequest")
            unsafe kind_case = JESSICA__V1__AGENT_ENVELOPE__KIND_UPLOAD_REQUEST
        case .inputRequest(let id, let value):
            unsafe input_request = try arena.make((id, value), "InputRequest")
            unsafe kind_case = JESSICA__V1__AGENT_ENVELOPE__KIND_INPUT_REQUEST
        case .unknown:
            throw WireError(
                .unsupported, "AgentEnvelope", "a message of a newer version cannot be sent")
        }
    }

    /// The message, checked; `.unknown` when it is of a newer version.
    func decoded() throws(WireError) -> AgentMessage {
        switch unsafe kind_case {
        case JESSICA__V1__AGENT_ENVELOPE__KIND_HELLO:
            return .hello(try unsafe Read.required(hello, "Hello"))
        case JESSICA__V1__AGENT_ENVELOPE__KIND_HEARTBEAT:
            return .heartbeat(sequence: try unsafe Read.required(heartbeat, "Heartbeat"))
        case JESSICA__V1__AGENT_ENVELOPE__KIND_REPORT:
            let (sequence, report) = try unsafe Read.required(self.report, "Report")
            guard let report else { return .unknown(0) }
            return .report(sequence: sequence, report)
        case JESSICA__V1__AGENT_ENVELOPE__KIND_TELEMETRY:
            return .telemetry(try unsafe Read.required(telemetry, "Telemetry"))
        case JESSICA__V1__AGENT_ENVELOPE__KIND_LOG:
            guard let log = unsafe self.log else {
                throw WireError(.missing, "LogChunk", "it is required")
            }
            return .log(try unsafe log.pointee.decoded())
        case JESSICA__V1__AGENT_ENVELOPE__KIND_UPLOAD_REQUEST:
            let (id, request) = try unsafe Read.required(upload_request, "UploadRequest")
            return .uploadRequest(id: id, request)
        case JESSICA__V1__AGENT_ENVELOPE__KIND_INPUT_REQUEST:
            let (id, request) = try unsafe Read.required(input_request, "InputRequest")
            return .inputRequest(id: id, request)
        default:
            return .unknown(0)
        }
    }
}
