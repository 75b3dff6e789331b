import COpenSSL

/// What libssl left in this thread's error queue.
///
/// The queue is per thread and outlives calls, so it is cleared before each call and drained after a failure.
struct OpenSSLErrors {
    /// The queue, oldest first, at most eight entries.
    private(set) var codes: [UInt] = []

    /// Empties the queue, so that what is found later belongs to the call that follows.
    static func clear() {
        ERR_clear_error()
    }

    /// Takes everything out of the queue.
    static func drain() -> OpenSSLErrors {
        var errors = OpenSSLErrors()
        while true {
            let code = ERR_get_error()
            guard code != 0 else { return errors }
            if errors.codes.count < 8 { errors.codes.append(UInt(code)) }
        }
    }

    /// The reasons in words, or the given text when there are none.
    func text(or fallback: String) -> String {
        let reasons = codes.compactMap { code -> String? in
            guard let text = unsafe ERR_reason_error_string(code) else { return nil }
            return unsafe String(cString: text)
        }
        return reasons.isEmpty ? fallback : reasons.joined(separator: "; ")
    }

    /// Whether one of the errors comes from libssl with that reason.
    func containsSSL(reason: Int32) -> Bool {
        codes.contains { jessica_ERR_is_ssl($0) != 0 && jessica_ERR_reason($0) == reason }
    }

    /// Whether one of the errors is an alert received from the peer.
    var containsPeerAlert: Bool {
        codes.contains {
            jessica_ERR_is_ssl($0) != 0 && jessica_ERR_reason($0) >= SSL_AD_REASON_OFFSET
        }
    }
}
