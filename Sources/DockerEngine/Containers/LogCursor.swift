import NIOCore

/// Where a reader is in a container's log, so that it can go on after a stream ended early.
///
/// Within one output the daemon's times never go back (but for a clock that is set), across the
/// two they can; so each has a position of its own: the last time, and how many messages had it. It
/// can be kept, to go on in another life of the program.
package struct LogCursor: Sendable, Hashable, Codable {
    private struct Position: Hashable, Codable {
        var time: Int64
        /// Messages of that time taken so far.
        var count: Int
        /// Messages of that time still to be passed over after a resumption.
        var skip = 0
    }

    /// Outputs are not out of step by more than this.
    private static let skew: Int64 = 10_000_000_000

    private var stdout: Position?
    private var stderr: Position?
    /// The time of the first message of all.
    private var first: Int64?
    private var isResumed = false
    /// Whether something that was read must come once more before anything new does, unless the daemon
    /// has deleted it.
    private var mustCome: Bool?
    /// Messages taken so far.
    private(set) var taken = 0

    /// The beginning of a log.
    package init() {}

    /// The beginning of this log: whoever goes on there is told when its first message was deleted.
    package var beginning: LogCursor {
        var cursor = LogCursor()
        cursor.first = first
        return cursor
    }

    /// The time to ask the log from; nil when nothing was read yet.
    var since: Int64? {
        switch (stdout?.time, stderr?.time) {
        case (nil, nil): nil
        // The other output may still begin with earlier times.
        case (let time?, nil), (nil, let time?): time - Self.skew
        case (let one?, let other?): max(min(one, other), max(one, other) - Self.skew)
        }
    }

    /// Prepares for a stream that begins at ``since`` again.
    mutating func resume() {
        isResumed = true
        // The stream begins at or before the latest message of the two outputs.
        mustCome = first != nil || stdout != nil || stderr != nil
        for stream in [LogChunk.Stream.stdout, .stderr] {
            guard var position = position(stream) else { continue }
            position.skip = position.count
            set(stream, position)
        }
    }

    /// Takes a message with its time in front, or nil when it was taken before.
    ///
    /// - Parameters:
    ///   - chunk: The message as the daemon sent it.
    ///   - keepsTimestamp: True to leave the time in it.
    /// - Returns: The message, or nil.
    mutating func take(_ chunk: LogChunk, keepsTimestamp: Bool) -> LogChunk? {
        guard let time = UnixTime.parseLogTime(chunk.bytes.readableBytesView) else {
            // Not what was asked for, but better passed on than lost.
            taken += 1
            return chunk
        }
        var chunk = chunk
        guard advance(chunk.stream, to: time, &chunk.followsLoss) else { return nil }
        taken += 1
        chunk.time = time
        if !keepsTimestamp {
            // The time and one space; a message can be shorter only if it is broken.
            let prefix = min(UnixTime.logTimeBytes + 1, chunk.bytes.readableBytes)
            chunk.bytes.moveReaderIndex(forwardBy: prefix)
        }
        return chunk
    }

    /// Notes a message; false when it was noted before the resumption.
    private mutating func advance(
        _ stream: LogChunk.Stream, to time: Int64, _ followsLoss: inout Bool
    ) -> Bool {
        if taken == 0, !isResumed { first = time }
        var position = position(stream) ?? Position(time: .min, count: 0)
        if isResumed, time < position.time {
            mustCome = false
            return false
        }
        if time == position.time {
            if position.skip > 0 {
                mustCome = false
                position.skip -= 1
                set(stream, position)
                return false
            }
            position.count += 1
        } else {
            position = Position(time: time, count: 1)
        }
        // The daemon deletes from the front: the log begins behind all that was read.
        followsLoss = mustCome == true && time != first
        mustCome = false
        set(stream, position)
        return true
    }

    private func position(_ stream: LogChunk.Stream) -> Position? {
        switch stream {
        case .stdout: stdout
        case .stderr: stderr
        }
    }

    private mutating func set(_ stream: LogChunk.Stream, _ position: Position) {
        switch stream {
        case .stdout: stdout = position
        case .stderr: stderr = position
        }
    }
}
