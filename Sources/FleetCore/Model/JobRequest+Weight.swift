extension JobRequest {
    /// The most bytes that a job of this request takes in a batch for the store, but for what its
    /// attempts add.
    ///
    /// What counts is what is written: a control character is one byte here and six there.
    package var weight: Int {
        var bytes = Self.ownWeight + input.jsonBytes
        for word in command { bytes += word.jsonBytes + 3 }
        for label in labels { bytes += label.key.jsonBytes + label.value.jsonBytes + 24 }
        for other in after { bytes += other.name.jsonBytes + 64 }
        let names: [String?] = [
            cluster?.rawValue, template?.rawValue, image, submitter?.rawValue, place?.step,
            idempotencyKey, idempotencyDigest, imageRegistry, why,
        ]
        for name in names { bytes += name?.jsonBytes ?? 0 }
        return bytes
    }

    /// What every record has, the commands that write it, and an event.
    private static let ownWeight = 1_500
}

extension String {
    /// Its bytes within JSON, at most.
    fileprivate var jsonBytes: Int {
        var bytes = 0
        for byte in utf8 {
            switch byte {
            case 0..<0x20: bytes += 6
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += 2
            default: bytes += 1
            }
        }
        return bytes
    }
}
