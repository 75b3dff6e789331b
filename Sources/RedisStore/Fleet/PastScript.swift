/// The scripts that move past jobs into pieces and delete old ones; see ``FleetStore/Piece``.
///
/// What they look at and what they take away is one step: a job that is tried again meanwhile is not lost.
enum PastScript {
    /// How many letters of an id may name the piece that it is in: the fewest with room.
    ///
    /// Ids begin with their time: five letters are nine hours, nine are 32 ms. Those of one millisecond, as of a large
    /// plan, count up in the letters before the last three.
    static let letters = [shortest, 6, 7, 9, 21, 22]
    /// How many letters all have.
    static let shortest = 5
    /// How many jobs a piece may have: Redis keeps a hash of up to 512 packed.
    static let room = 500

    /// Moves the jobs that ended first into pieces; how many.
    ///
    /// KEYS: ended, first and last ends of the pieces. ARGV: how many at most, what precedes a piece's letters in its
    /// key.
    ///
    /// It takes away before it adds: a Redis that is out of memory refuses a script whose first change adds.
    static let fold = """
        local list = redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES')
        local ids = {}
        for i = 1, #list, 2 do
          local id, second = list[i], list[i + 1]
          local piece, rest
          for _, letters in ipairs({\(letters.reversed().map { "\($0)" }.joined(separator: ", "))}) do
            local name, field = string.sub(id, 1, letters), string.sub(id, letters + 1)
            redis.call('HDEL', ARGV[2] .. name, field)
            if not piece or redis.call('HLEN', ARGV[2] .. name) < \(room) then piece, rest = name, field end
          end
          redis.call('HSET', ARGV[2] .. piece, rest, second)
          local first, last = redis.call('ZSCORE', KEYS[2], piece), redis.call('ZSCORE', KEYS[3], piece)
          if not first or tonumber(second) < tonumber(first) then redis.call('ZADD', KEYS[2], second, piece) end
          if not last or tonumber(second) > tonumber(last) then redis.call('ZADD', KEYS[3], second, piece) end
          ids[#ids + 1] = id
        end
        if #ids > 0 then redis.call('ZREM', KEYS[1], unpack(ids)) end
        return #ids
        """

    /// Deletes the records of jobs in pieces that ended before a second; how many, or the most when it is not done.
    ///
    /// KEYS: first and last ends of the pieces, the mark of a restore, jobs not ended. ARGV: second, how many at most,
    /// what precedes a piece's letters in its key, and an id in the keys of jobs, and in those of an older version.
    ///
    /// While there is that mark none is deleted, and never one that lives: a version that knows no pieces may have
    /// tried it again.
    static let forget = """
        if redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
        local most, gone = tonumber(ARGV[2]), 0
        for _ = 1, most do
          local name = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[1], 'LIMIT', 0, 1)[1]
          if not name then return gone end
          local jobs, old, first, last = redis.call('HGETALL', ARGV[3] .. name), {}, nil, nil
          for i = 1, #jobs, 2 do
            local id, second = name .. jobs[i], tonumber(jobs[i + 1])
            if second < tonumber(ARGV[1]) and gone + #old < most then
              if redis.call('SISMEMBER', KEYS[4], id) == 0 then redis.call('DEL', ARGV[4] .. id, ARGV[5] .. id) end
              old[#old + 1] = jobs[i]
            else
              first, last = math.min(first or second, second), math.max(last or second, second)
            end
          end
          if #old > 0 then redis.call('HDEL', ARGV[3] .. name, unpack(old)) end
          redis.call('ZREM', KEYS[1], name)
          redis.call('ZREM', KEYS[2], name)
          if first then
            redis.call('ZADD', KEYS[1], first, name)
            redis.call('ZADD', KEYS[2], last, name)
          end
          gone = gone + #old
          if gone == most then break end
        end
        return most
        """
}
