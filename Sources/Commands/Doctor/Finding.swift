/// What the controller found.
struct Diagnosis: Decodable, Sendable {
    var at: Timestamp?
    var items: [Finding]
}

/// One thing that was looked at.
struct Finding: Decodable, Sendable, Equatable {
    var name: String
    var subject: String?
    var status: String
    var message: String
    var action: String?

    /// What it is about.
    var place: String { subject.map { "\(name) \($0)" } ?? name }

    /// Whether something does not work because of it.
    var isFailure: Bool { status == "failed" }

    var json: JSONValue {
        .dictionary([
            ("name", .string(name)), ("subject", subject.map { .string($0) }),
            ("status", .string(status)), ("message", .string(message)),
            ("action", action.map { .string($0) }),
        ])
    }
}
