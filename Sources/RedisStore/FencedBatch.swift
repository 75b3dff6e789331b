/// Commands that are written together, in order, and only by the leader.
///
/// Committing the same batch twice gives the same state, as long as its commands allow it: setting
/// and deleting do, and XADD with its own id does. LPUSH does not; commit a batch with LPUSH
/// through ``FencedStore/seal(_:term:)``, whose repeats are recognised and skipped.
///
/// A command that changes a list of members takes any number of them and is split where needed.
package struct FencedBatch: Hashable, Sendable {
    /// Members of one command before it is split; Lua can unpack fewer than 8,000 words.
    static let membersPerCommand = 1_000
    /// Words of one command.
    static let wordsPerCommand = 4_000
    /// Bytes of one command.
    static let bytesPerCommand = 16 << 20
    /// Bytes of a whole batch: twice what all open jobs may weigh, and half of what Redis takes at once.
    static let bytesPerBatch = 512 << 20

    private(set) var words = ArgumentList()
    /// The index of the first word of each command.
    private(set) var starts: [Int] = []

    /// Creates an empty batch; committing it only checks the term.
    package init() {}

    /// How many commands it has.
    package var count: Int { starts.count }
    /// Whether it has no commands.
    package var isEmpty: Bool { starts.isEmpty }
    /// The bytes of all words.
    package var byteCount: Int { words.byteCount }

    /// Appends any command that writes; its keys must belong to the key space of the store.
    package mutating func append(_ command: RedisCommand) {
        starts.append(words.count)
        words.append(0..<command.words.count, of: command.words)
    }

    /// Appends the commands of another batch.
    package mutating func append(_ other: FencedBatch) {
        let offset = words.count
        words.append(0..<other.words.count, of: other.words)
        for start in other.starts { starts.append(start + offset) }
    }

    mutating func append(_ name: String, _ arguments: RedisArgument...) {
        begin(name)
        for argument in arguments { words.append(argument) }
    }

    mutating func begin(_ name: String) {
        starts.append(words.count)
        words.append(.text(name))
    }

    mutating func word(_ argument: RedisArgument) {
        words.append(argument)
    }

    /// The words of the command at an index, its name first.
    func range(_ index: Int) -> Range<Int> {
        starts[index]..<(index + 1 < starts.count ? starts[index + 1] : words.count)
    }
}
