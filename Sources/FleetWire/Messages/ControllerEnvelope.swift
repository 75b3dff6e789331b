import CFleetMessages
import CProtobufC
import FleetCore

extension Jessica__V1__ControllerEnvelope {
    /// An envelope without a message.
    static func empty() -> Self {
        var envelope = unsafe Self()
        unsafe jessica__v1__controller_envelope__init(&envelope)
        return unsafe envelope
    }

    /// Puts a message into the envelope.
    mutating func fill(
        _ message: ControllerMessage, _ arena: borrowing Arena
    ) throws(WireError) {
        switch message {
        case .welcome(let value):
            unsafe welcome = try arena.make(value, "Welcome")
            unsafe kind_case = JESSICA__V1__CONTROLLER_ENVELOPE__KIND_WELCOME
        case .renewed(let sequence):
            unsafe renewed = try arena.make(sequence, "Renewed")
            unsafe kind_case = JESSICA__V1__CONTROLLER_ENVELOPE__KIND_RENEWED
        case .assignments(let value):
            unsafe assignments = try arena.make(value, "Assignments")
            unsafe kind_case = JESSICA__V1__CONTROLLER_ENVELOPE__KIND_ASSIGNMENTS
        case .acknowledged(let sequence):
            unsafe acknowledged = try arena.make(sequence, "Acknowledged")
            unsafe kind_case = JESSICA__V1__CONTROLLER_ENVELOPE__KIND_ACKNOWLEDGED
        case .logCredit(let bytes):
            unsafe log_credit = try arena.make(bytes, "LogCredit")
            unsafe kind_case = JESSICA__V1__CONTROLLER_ENVELOPE__KIND_LOG_CREDIT
        case .logKept(let key):
            unsafe log_kept = try arena.make(key, "LogKept")
            unsafe kind_case = JESSICA__V1__CONTROLLER_ENVELOPE__KIND_LOG_KEPT
        case .uploadGrant(let id, let value):
            unsafe upload_grant = try arena.make((id, value), "UploadGrant")
            unsafe kind_case = JESSICA__V1__CONTROLLER_ENVELOPE__KIND_UPLOAD_GRANT
        case .inputGrant(let id, let value):
            unsafe input_grant = try arena.make((id, value), "InputGrant")
            unsafe kind_case = JESSICA__V1__CONTROLLER_ENVELOPE__KIND_INPUT_GRANT
        case .goodbye(let reason, let certificateIsVoid):
            unsafe goodbye = try arena.make((reason, certificateIsVoid), "Goodbye")
            unsafe kind_case = JESSICA__V1__CONTROLLER_ENVELOPE__KIND_GOODBYE
        case .unknown:
            throw WireError(
                .unsupported, "ControllerEnvelope", "a message of a newer version cannot be sent")
        }
    }

    /// The message, checked; `.unknown` when it is of a newer version.
    func decoded() throws(WireError) -> ControllerMessage {
        switch unsafe kind_case {
        case JESSICA__V1__CONTROLLER_ENVELOPE__KIND_WELCOME:
            return .welcome(try unsafe Read.required(welcome, "Welcome"))
        case JESSICA__V1__CONTROLLER_ENVELOPE__KIND_RENEWED:
            return .renewed(sequence: try unsafe Read.required(renewed, "Renewed"))
        case JESSICA__V1__CONTROLLER_ENVELOPE__KIND_ASSIGNMENTS:
            return .assignments(try unsafe Read.required(assignments, "Assignments"))
        case JESSICA__V1__CONTROLLER_ENVELOPE__KIND_ACKNOWLEDGED:
            return .acknowledged(
                sequence: try unsafe Read.required(acknowledged, "Acknowledged"))
        case JESSICA__V1__CONTROLLER_ENVELOPE__KIND_LOG_CREDIT:
            return .logCredit(bytes: try unsafe Read.required(log_credit, "LogCredit"))
        case JESSICA__V1__CONTROLLER_ENVELOPE__KIND_LOG_KEPT:
            return .logKept(try unsafe Read.required(log_kept, "LogKept"))
        case JESSICA__V1__CONTROLLER_ENVELOPE__KIND_UPLOAD_GRANT:
            let (id, grant) = try unsafe Read.required(upload_grant, "UploadGrant")
            return .uploadGrant(id: id, grant)
        case JESSICA__V1__CONTROLLER_ENVELOPE__KIND_INPUT_GRANT:
            let (id, grant) = try unsafe Read.required(input_grant, "InputGrant")
            return .inputGrant(id: id, grant)
        case JESSICA__V1__CONTROLLER_ENVELOPE__KIND_GOODBYE:
            let (reason, certificateIsVoid) = try unsafe Read.required(goodbye, "Goodbye")
            return .goodbye(reason: reason, certificateIsVoid: certificateIsVoid)
        default:
            return .unknown(0)
        }
    }
}
