/// One thing that was looked at, and what to do about it.
struct Finding: Encodable, Sendable, Hashable {
    /// How it is.
    enum Status: String, Encodable, Sendable {
        case ok, warning, failed
    }
    /// What was looked at, such as `store`, `disk` or `node`.
    var name: String
    /// Which one, where there are several.
    var subject: String?
    /// How it is.
    var status: Status
    /// What was found, for people.
    var message: String
    /// What to do; nil when there is nothing to do.
    var action: String?

    static func ok(_ name: String, _ message: String, subject: String? = nil) -> Finding {
        Finding(name: name, subject: subject, status: .ok, message: message)
    }

    static func warning(
        _ name: String, _ message: String, subject: String? = nil, action: String
    ) -> Finding {
        Finding(name: name, subject: subject, status: .warning, message: message, action: action)
    }

    static func failed(
        _ name: String, _ message: String, subject: String? = nil, action: String
    ) -> Finding {
        Finding(name: name, subject: subject, status: .failed, message: message, action: action)
    }
}

/// Bytes as people read them: `12.3 GB`.
func humaneBytes(_ bytes: UInt64) -> String {
    var value = Double(bytes)
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 1_000 {
            return value < 10 && unit != "B"
                ? "\((value * 10).rounded() / 10) \(unit)" : "\(Int(value.rounded())) \(unit)"
        }
        value /= 1_000
    }
    return "\((value * 10).rounded() / 10) TB"
}
