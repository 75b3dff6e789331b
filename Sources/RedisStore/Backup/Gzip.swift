import CZlib

/// A gzip stream that is fed piece by piece, and so of any length.
@safe struct Gzip: ~Copyable {
    /// Which way bytes go.
    enum Direction {
        case pack, unpack
    }

    private let stream: UnsafeMutablePointer<z_stream>
    private let writes: Int32
    /// Whether the stream has come to its end.
    private(set) var isAtEnd = false
    private var room = [UInt8](repeating: 0, count: 64 << 10)

    /// Begins a stream.
    init(_ direction: Direction) throws(ArchiveError) {
        writes = direction == .pack ? 1 : 0
        guard let stream = unsafe jessica_gzip_begin(writes) else {
            throw ArchiveError("there is no memory to pack or unpack with")
        }
        unsafe self.stream = stream
    }

    deinit { unsafe jessica_gzip_end(stream, writes) }

    /// Takes all of `bytes`, the last ones there are if `isLast`, and hands out what comes of them.
    mutating func feed(
        _ bytes: [UInt8], isLast: Bool = false,
        _ take: (ArraySlice<UInt8>) throws(ArchiveError) -> Void
    ) throws(ArchiveError) {
        var place = 0
        while true {
            if isAtEnd {
                guard place == bytes.count else {
                    throw .damaged("there is something behind its end")
                }
                return
            }
            var used = bytes.count - place
            var made = room.count
            let code = step(bytes, place, &used, &made, isLast)
            let isStuck = used == 0 && made == 0 && place < bytes.count
            guard code >= 0, !isStuck else {
                throw .damaged("it is no gzip, or not as it was written")
            }
            place += used
            isAtEnd = code == 1
            if made > 0 { try take(room[..<made]) }
            // With room left over, all that could be made of the input is made.
            if !isAtEnd, place == bytes.count, made < room.count, writes == 0 || !isLast { return }
        }
    }

    private mutating func step(
        _ bytes: [UInt8], _ place: Int, _ used: inout Int, _ made: inout Int, _ isLast: Bool
    ) -> Int32 {
        let (stream, writes) = unsafe (stream, writes)
        return unsafe bytes.withUnsafeBufferPointer { from in
            unsafe room.withUnsafeMutableBufferPointer { to in
                unsafe jessica_gzip_step(
                    stream, writes, isLast ? 1 : 0, from.baseAddress.map { unsafe $0 + place },
                    &used, to.baseAddress, &made)
            }
        }
    }
}
