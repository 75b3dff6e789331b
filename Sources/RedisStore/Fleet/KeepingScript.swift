/// The scripts by which old history goes, each in one piece that is short for Redis.
///
/// What they look at and what they take away is one step: a job that is tried again meanwhile is not lost.
enum KeepingScript {
    /// Deletes the oldest entries of a stream that are older than an instant; how many.
    ///
    /// KEYS: stream. ARGV: nanoseconds, how many of the latest stay in any case, how many are looked at.
    ///
    /// An entry tells its time in its field `at`: the ids of events are no times, and XTRIM by id is too new for
    /// Redis 6.0.
    static let forgetEntries = """
        local most = math.min(tonumber(ARGV[3]), redis.call('XLEN', KEYS[1]) - tonumber(ARGV[2]))
        if most <= 0 then return 0 end
        local old = {}
        for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', most)) do
          local fields, at = entry[2], nil
          for i = 1, #fields, 2 do
            if fields[i] == 'at' then at = tonumber(fields[i + 1]) end
          end
          if at and at >= tonumber(ARGV[1]) then break end
          old[#old + 1] = entry[1]
        end
        if #old > 0 then redis.call('XDEL', KEYS[1], unpack(old)) end
        return #old
        """

    /// Puts a shorter record in the place of one that is still there; 1 when it was.
    ///
    /// KEYS: the record, the set of long ones. ARGV: id, the record as it was, the shorter one or nothing.
    static let shorten = """
        if (redis.call('GET', KEYS[1]) or '') ~= ARGV[2] then return 0 end
        if ARGV[3] ~= '' then redis.call('SET', KEYS[1], ARGV[3]) end
        redis.call('SREM', KEYS[2], ARGV[1])
        return 1
        """
}
