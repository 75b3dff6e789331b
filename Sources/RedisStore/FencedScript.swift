/// The scripts that run inside Redis, where reading the term and writing are one step.
enum FencedScript {
    /// Runs one chunk of a batch.
    ///
    /// KEYS: meta. ARGV: term, batch, chunk, then for each command the number of its words and the
    /// words.
    ///
    /// `meta.batch` and `meta.chunk` name the last chunk that ran. A chunk runs only after the one
    /// before it, and only once: a repeat is recognised, and so is a late copy that was still in
    /// the buffers of a connection given up long ago, which would otherwise undo newer writes.
    static let commit = """
        local seen = redis.call('HMGET', KEYS[1], 'term', 'batch', 'chunk')
        if seen[1] ~= ARGV[1] then return {2, seen[1] or ''} end
        local batch, chunk = tonumber(ARGV[2]), tonumber(ARGV[3])
        local last_batch, last_chunk = tonumber(seen[2] or '0') or 0, tonumber(seen[3] or '0') or 0
        if batch < last_batch then return {5, seen[2]} end
        if batch == last_batch then
          if chunk <= last_chunk then return {1} end
          if chunk > last_chunk + 1 then return {4} end
        elseif chunk > 0 then
          return {4}
        end
        local i, n, index = 4, #ARGV, 0
        while i <= n do
          local words = tonumber(ARGV[i])
          local reply = redis.pcall(unpack(ARGV, i + 1, i + words))
          if type(reply) == 'table' and reply['err'] then
            local repeated = string.upper(ARGV[i + 1]) == 'XADD'
              and string.find(reply['err'], 'equal or smaller', 1, true)
            if not repeated then return {3, reply['err'], index} end
          end
          index = index + 1
          i = i + 1 + words
        end
        redis.call('HSET', KEYS[1], 'batch', ARGV[2], 'chunk', ARGV[3])
        return {0}
        """

    /// Starts a new term.
    ///
    /// KEYS: meta. ARGV: owner, version, claim. The same claim gets the same term again, so a
    /// repeat after an unknown outcome, however late it runs, changes nothing.
    static let bumpTerm = """
        local seen = redis.call('HMGET', KEYS[1], 'term', 'claim')
        if seen[1] and seen[2] == ARGV[3] then return seen[1] end
        redis.call('HINCRBY', KEYS[1], 'term', 1)
        redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'version', ARGV[2], 'claim', ARGV[3],
          'batch', '0', 'chunk', '0')
        return redis.call('HGET', KEYS[1], 'term')
        """

    /// Takes or renews the leader lease.
    ///
    /// KEYS: leader. ARGV: owner, milliseconds.
    static let acquireLease = """
        local holder = redis.call('GET', KEYS[1])
        if not holder or holder == ARGV[1] then
          redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
          return {1}
        end
        return {0, holder, redis.call('PTTL', KEYS[1])}
        """

    /// Renews the leader lease if it is still ours.
    ///
    /// KEYS: leader. ARGV: owner, milliseconds.
    static let renewLease = """
        local holder = redis.call('GET', KEYS[1])
        if holder == ARGV[1] then
          redis.call('PEXPIRE', KEYS[1], ARGV[2])
          return {1}
        end
        return {0, holder or '', redis.call('PTTL', KEYS[1])}
        """

    /// Gives the leader lease back if it is still ours.
    ///
    /// KEYS: leader. ARGV: owner.
    static let releaseLease = """
        if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
        return 0
        """
}

/// What the commit script answered for one chunk.
enum ChunkAnswer: Hashable {
    case applied
    case alreadyApplied
    case fenced(currentTerm: String)
    /// `command` is the index of the refused command in its chunk; nil when the script did not
    /// start.
    case refused(String, command: Int64?)
    case outOfOrder
    case superseded
    case noScript
    case unreadable(String)

    init(_ value: RedisValue) {
        switch value {
        case .error(let text):
            self = RedisRefusal(text) == .noScript ? .noScript : .refused(text, command: nil)
        case .array(let elements):
            let detail = elements.dropFirst().first?.text ?? ""
            switch elements.first?.integer {
            case 0: self = .applied
            case 1: self = .alreadyApplied
            case 2: self = .fenced(currentTerm: detail)
            case 3: self = .refused(detail, command: elements.dropFirst(2).first?.integer ?? -1)
            case 4: self = .outOfOrder
            case 5: self = .superseded
            default: self = .unreadable(String(describing: value))
            }
        case .string, .integer, .null, .status: self = .unreadable(String(describing: value))
        }
    }
}

/// What an error of Redis means for us, by its code: the first word.
enum RedisRefusal: Hashable {
    /// The script is not loaded.
    case noScript
    /// The login is missing, wrong or not enough.
    case denied
    /// The server cannot do it now, whatever the command: loading, out of memory or disk, a
    /// replica.
    case notNow
    /// The command is wrong.
    case command

    init(_ text: String) {
        switch text.prefix(while: { $0 != " " }) {
        case "NOSCRIPT": self = .noScript
        case "NOAUTH", "WRONGPASS", "NOPERM": self = .denied
        case "LOADING", "BUSY", "OOM", "MISCONF", "READONLY", "MASTERDOWN", "NOREPLICAS",
            "CLUSTERDOWN",
            "TRYAGAIN":
            self = .notNow
        default: self = .command
        }
    }
}
