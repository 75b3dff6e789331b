import CZlib

/// The record of a job that has ended, small: a million of them shall fit into a box's memory.
///
/// DEFLATE with a dictionary of what such records have in common, at about a quarter of the JSON. The first
/// byte tells it from JSON, which begins with a brace.
enum PackedRecord {
    /// The first byte; another dictionary must have another.
    static let mark: UInt8 = 1
    /// The largest record that is read, in bytes.
    static let limit = 8 << 20
    /// The largest record that is packed: the time that larger ones take would be missing elsewhere.
    static let packingLimit = 32 << 10

    /// Packs a record; what does not get smaller stays as it is.
    static func pack(_ json: [UInt8]) -> [UInt8] {
        guard !json.isEmpty, json.count <= packingLimit else { return json }
        var packed = [UInt8](repeating: 0, count: json.count)
        let size = unsafe run(jessica_deflate, json[...], &packed)
        guard let size, size + 6 < json.count else { return json }
        return [mark] + header(json.count) + packed.prefix(size)
    }

    /// The JSON of a record, packed or not; nil when it is damaged.
    static func unpack(_ record: [UInt8]) -> [UInt8]? {
        guard record.first == mark else { return record }
        var size = 0
        var place = 1
        // Seven bits a byte, the lowest first, as protobuf writes numbers.
        for shift in stride(from: 0, through: 21, by: 7) {
            guard place < record.count else { return nil }
            let byte = record[place]
            size |= Int(byte & 0x7F) << shift
            place += 1
            if byte & 0x80 == 0 { break }
        }
        guard size <= limit else { return nil }
        var json = [UInt8](repeating: 0, count: size)
        guard unsafe run(jessica_inflate, record[place...], &json) == size else { return nil }
        return json
    }

    private static func header(_ size: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = size
        while rest > 0x7F {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private typealias Codec = (
        UnsafePointer<UInt8>?, Int, UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UInt8>?, Int
    ) -> Int

    private static func run(
        _ codec: Codec, _ from: ArraySlice<UInt8>, _ to: inout [UInt8]
    ) -> Int? {
        let written = unsafe from.withUnsafeBufferPointer { source in
            unsafe dictionary.withUnsafeBufferPointer { words in
                unsafe to.withUnsafeMutableBufferPointer { target in
                    unsafe codec(
                        source.baseAddress, source.count, words.baseAddress, words.count,
                        target.baseAddress, target.count)
                }
            }
        }
        return written >= 0 ? written : nil
    }

    /// What records have in common, the most common last.
    ///
    /// It must never change: see ``mark``.
    private static let dictionary = Array(
        #"""
        "error":{"code":"exit_code","message":"ended with code "},"exitCode":1,"image":"jessica/","template":"",\#
        "cancelled","failed","stopping":"cancelled","outcome":"failed","outputs":[]},"hedge":true,"roamer":true,\#
        "state":"lost","state":"stopped","notBefore":,"deadline":,"memory":,"cluster":""kind":"custom",\#
        "kind":"voice","kind":"audio","kind":"video","kind":"vision","kind":"text","kind":"personality",\#
        "queue":"roamer","queue":"voice","queue":"audio","queue":"video","queue":"brain","queue":"eyes",\#
        "queue":"jessica","contentType":"text/plain","contentType":"audio/wav","contentType":"video/mp4",\#
        "retrySafe":false{"attempts":[{"assignedAt":17,"finishedAt":17,"hedge":false,"node":"agx-0","number":1,\#
        "roamer":false,"startedAt":17,"state":"succeeded","worker":"sdxl-api"}],"ending":{"at":17,\#
        "outcome":"succeeded","outputs":[{"contentType":"image/png","digest":"sha256:",\#
        "key":"outputs/images/01m/1/output.png","name":"output.png","size":}]},"failures":0,"id":"01",\#
        "losses":0,"queue":"vision","request":{"command":[],"idempotencyDigest":"","idempotencyKey":"",\#
        "input":"{\"prompt\":\"","kind":"image","labels":[{"key":"","value":""}],"priority":0,"retries":2,\#
        "retrySafe":true},"submittedAt":17
        """#.utf8)
}
