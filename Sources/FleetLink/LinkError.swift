/// Why a link could not be made or did not last.
package struct LinkError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it is; the text for people is in `message`.
    package enum Code: String, Sendable, CaseIterable {
        /// A certificate or key text cannot be read.
        case invalidPEM
        /// The private key does not belong to the certificate.
        case keyMismatch
        /// libssl refused a setting.
        case setup
        /// The TLS handshake failed on our side.
        case handshakeFailed
        /// The handshake did not end in time.
        case handshakeTimeout
        /// The peer told us, by a TLS alert, that it does not accept us.
        case refusedByPeer
        /// The peer does not speak our protocol.
        case alpnMismatch
        /// A TLS record after the handshake could not be read.
        case brokenRecord
        /// A frame's header is wrong.
        case badFrame
        /// A frame is longer than the limit in force.
        case frameTooLarge
        /// A frame took too long to arrive.
        case slowFrame
        /// The connection ended without a goodbye, or in the middle of a frame.
        case truncated
        /// The socket failed.
        case connectionLost
        /// The peer does not take the control frames that wait for it.
        case stuck
        /// No connection could be made.
        case connectFailed
        /// No connection was made in time.
        case connectTimeout
        /// The address to listen on is taken.
        case addressInUse
        /// The address to listen on cannot be used.
        case bindFailed
        /// The connection is closed.
        case closed
        /// The caller used the connection in a way it does not allow.
        case misuse
    }

    /// The kind of failure.
    package let code: Code
    /// The failure in words.
    package let message: String

    /// Makes an error.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The kind and the words in one line.
    package var description: String { "\(code.rawValue): \(message)" }
}

/// A peer that was turned away, for counting and logging.
package struct LinkRefusal: Sendable, Equatable {
    /// Why it was turned away.
    ///
    /// The raw value is fit for a metric's label.
    package enum Reason: String, Sendable, CaseIterable {
        case handshakeFailed = "handshake_failed"
        case handshakeTimeout = "handshake_timeout"
        case alpnMismatch = "alpn_mismatch"
        case refusedByPeer = "refused_by_peer"
        case badFrame = "bad_frame"
        case frameTooLarge = "frame_too_large"
        case slowFrame = "slow_frame"
        case brokenRecord = "broken_record"
        case stuck = "stuck"
        case tooManyConnections = "too_many_connections"
        case tooManyUnauthenticated = "too_many_unauthenticated"
        case tooManyFromAddress = "too_many_from_address"
        case acceptRate = "accept_rate"

        /// The refusal an error amounts to, or nil for an end that is nobody's fault.
        init?(_ code: LinkError.Code) {
            switch code {
            case .handshakeFailed: self = .handshakeFailed
            case .handshakeTimeout: self = .handshakeTimeout
            case .alpnMismatch: self = .alpnMismatch
            case .refusedByPeer: self = .refusedByPeer
            case .badFrame: self = .badFrame
            case .frameTooLarge: self = .frameTooLarge
            case .slowFrame: self = .slowFrame
            case .brokenRecord: self = .brokenRecord
            case .stuck: self = .stuck
            case .invalidPEM, .keyMismatch, .setup, .truncated, .connectionLost, .connectFailed,
                .connectTimeout, .addressInUse, .bindFailed, .closed, .misuse:
                return nil
            }
        }
    }

    /// Why.
    package let reason: Reason
    /// Who, as `address:port`.
    package let remoteAddress: String
    /// The reason in words.
    package let detail: String
}
