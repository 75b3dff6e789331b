extension FencedBatch {
    /// Sets fields of a hash.
    package mutating func hset(_ key: String, _ fields: [(name: String, value: RedisArgument)]) {
        split("HSET", key, fields) { batch, field in
            batch.word(.text(field.name))
            batch.word(field.value)
        }
    }

    /// Removes fields of a hash.
    package mutating func hdel(_ key: String, _ fields: [String]) {
        split("HDEL", key, fields) { $0.word(.text($1)) }
    }

    /// Deletes keys.
    package mutating func del(_ keys: [String]) {
        for part in Self.parts(of: keys) {
            begin("DEL")
            for key in part { word(.text(key)) }
        }
    }

    /// Sets members of a sorted set with their scores.
    package mutating func zadd(_ key: String, _ members: [(member: String, score: Double)]) {
        split("ZADD", key, members) { batch, entry in
            batch.word(.double(entry.score))
            batch.word(.text(entry.member))
        }
    }

    /// Removes members of a sorted set.
    package mutating func zrem(_ key: String, _ members: [String]) {
        split("ZREM", key, members) { $0.word(.text($1)) }
    }

    /// Adds members to a set.
    package mutating func sadd(_ key: String, _ members: [String]) {
        split("SADD", key, members) { $0.word(.text($1)) }
    }

    /// Removes members of a set.
    package mutating func srem(_ key: String, _ members: [String]) {
        split("SREM", key, members) { $0.word(.text($1)) }
    }

    /// Sets a string; with `expiry` it is gone after that time (whole milliseconds, at least one).
    package mutating func set(_ key: String, _ value: RedisArgument, expiry: Duration? = nil) {
        if let expiry {
            append("SET", .text(key), value, "PX", .integer(expiry.wholeMilliseconds))
        } else {
            append("SET", .text(key), value)
        }
    }

    /// Appends an entry to a stream under its own id; a repeat with the same or a smaller id is
    /// skipped.
    ///
    /// `keepingAbout` bounds the length of the stream; Redis may keep a few more.
    package mutating func xadd(
        _ key: String, id: String, keepingAbout length: Int,
        _ fields: [(name: String, value: RedisArgument)]
    ) {
        append(
            "XADD", .text(key), "MAXLEN", "~", .integer(Int64(clamping: max(0, length))), .text(id))
        for field in fields {
            word(.text(field.name))
            word(field.value)
        }
    }

    /// Puts a value in front of a list and keeps only the first `keeping` values.
    ///
    /// Unlike the other commands this one counts each repeat; see ``FencedStore/seal(_:term:)``.
    package mutating func lpush(_ key: String, _ value: RedisArgument, keeping: Int) {
        append("LPUSH", .text(key), value)
        append("LTRIM", .text(key), 0, .integer(Int64(clamping: max(1, keeping)) - 1))
    }

    private mutating func split<Member>(
        _ name: String, _ key: String, _ members: [Member],
        _ add: (inout FencedBatch, Member) -> Void
    ) {
        for part in Self.parts(of: members) {
            begin(name)
            word(.text(key))
            for member in part { add(&self, member) }
        }
    }

    private static func parts<Member>(of members: [Member]) -> [ArraySlice<Member>] {
        stride(from: 0, to: members.count, by: membersPerCommand).map {
            members[$0..<min($0 + membersPerCommand, members.count)]
        }
    }
}

extension Duration {
    /// Whole milliseconds, at least one.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let whole = seconds.multipliedReportingOverflow(by: 1_000)
        let sum = whole.partialValue.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        // Redis adds the time to its clock; a hundred years fit and mean "never".
        let hundredYears: Int64 = 3_153_600_000_000
        let overflow = whole.overflow || sum.overflow
        return overflow
            ? (seconds < 0 ? 1 : hundredYears) : min(max(1, sum.partialValue), hundredYears)
    }
}
