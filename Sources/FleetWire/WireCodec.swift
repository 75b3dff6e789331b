import CFleetMessages
import CProtobufC
package import FleetCore

/// Messages of the link as bytes, and back: protocol buffers, by the C library.
///
/// Both directions check the same bounds (`WireLimits`), so what one end can send the other accepts.
/// Nothing here traps on what a peer sends.
package enum WireCodec {
    /// The bytes of a message; an error when a part is outside its bounds, or for `.unknown`.
    package static func encode(_ message: AgentMessage) throws(WireError) -> [UInt8] {
        guard case .log(let chunk) = message else {
            return try unsafe encode(message, log: UnsafeBufferPointer(start: nil, count: 0))
        }
        return try unsafe chunk.text.withUnsafeBufferPointer { text throws(WireError) in
            try unsafe encode(message, log: text)
        }
    }

    /// The bytes of a message; an error when a part is outside its bounds, or for `.unknown`.
    package static func encode(_ message: ControllerMessage) throws(WireError) -> [UInt8] {
        let arena = Arena(expecting: 0)
        var envelope = unsafe Jessica__V1__ControllerEnvelope.empty()
        try unsafe envelope.fill(message, arena)
        return try withExtendedLifetime(arena) { () throws(WireError) in
            try unsafe pack(
                &envelope, "ControllerEnvelope", jessica__v1__controller_envelope__get_packed_size,
                jessica__v1__controller_envelope__pack)
        }
    }

    /// The message an agent has sent.
    ///
    /// `.unknown(0)` when it is of a newer version; an error when it is damaged or outside its bounds.
    package static func decodeAgent(_ bytes: [UInt8]) throws(WireError) -> AgentMessage {
        let unpacked = try unsafe Unpacked(
            bytes, "AgentEnvelope", jessica__v1__agent_envelope__unpack)
        return try unsafe unpacked.read { envelope throws(WireError) in
            try unsafe envelope.decoded()
        }
    }

    /// The message the controller has sent.
    ///
    /// `.unknown(0)` when it is of a newer version; an error when it is damaged or outside its bounds.
    package static func decodeController(
        _ bytes: [UInt8]
    ) throws(WireError) -> ControllerMessage {
        let unpacked = try unsafe Unpacked(
            bytes, "ControllerEnvelope", jessica__v1__controller_envelope__unpack)
        return try unsafe unpacked.read { envelope throws(WireError) in
            try unsafe envelope.decoded()
        }
    }

    private static func encode(
        _ message: AgentMessage, log: UnsafeBufferPointer<UInt8>
    ) throws(WireError) -> [UInt8] {
        let arena = Arena(expecting: 0)
        var envelope = unsafe Jessica__V1__AgentEnvelope.empty()
        try unsafe envelope.fill(message, log: log, arena)
        return try withExtendedLifetime(arena) { () throws(WireError) in
            try unsafe pack(
                &envelope, "AgentEnvelope", jessica__v1__agent_envelope__get_packed_size,
                jessica__v1__agent_envelope__pack)
        }
    }

    /// Packs an envelope whose structs are alive.
    private static func pack<Envelope>(
        _ envelope: UnsafePointer<Envelope>, _ name: String,
        _ measure: (UnsafePointer<Envelope>?) -> Int,
        _ pack: (UnsafePointer<Envelope>?, UnsafeMutablePointer<UInt8>?) -> Int
    ) throws(WireError) -> [UInt8] {
        let size = unsafe measure(envelope)
        guard size <= WireLimits.message else {
            throw WireError(
                .messageTooLarge, name,
                "the message has \(size) bytes, at most \(WireLimits.message) are allowed")
        }
        guard size > 0 else { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = unsafe pack(envelope, buffer.baseAddress)
        }
    }
}
