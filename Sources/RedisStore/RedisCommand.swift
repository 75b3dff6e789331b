/// One argument of a command.
package enum RedisArgument: Hashable, Sendable, ExpressibleByStringLiteral,
    ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral
{
    /// Text, sent as UTF-8.
    case text(String)
    /// Any bytes.
    case bytes([UInt8])
    /// A signed number, sent in decimal.
    case integer(Int64)
    /// An unsigned number, sent in decimal.
    case unsigned(UInt64)
    /// A number with a fraction, such as a score; sent so that it reads back as the same number.
    case double(Double)

    /// Text.
    package init(stringLiteral value: String) { self = .text(value) }
    /// A signed number.
    package init(integerLiteral value: Int64) { self = .integer(value) }
}

/// The words of one or more commands, in one piece of memory.
///
/// A large batch has tens of thousands of arguments; one array for all of them costs two
/// allocations that grow, where an array of arrays would cost one for each argument.
struct ArgumentList: Hashable, Sendable {
    private(set) var storage: [UInt8] = []
    private(set) var ends: [Int] = []

    var count: Int { ends.count }
    var byteCount: Int { storage.count }

    mutating func append(_ argument: RedisArgument) {
        switch argument {
        case .text(let text): storage.append(contentsOf: text.utf8)
        case .bytes(let bytes): storage.append(contentsOf: bytes)
        case .integer(let number): storage.append(contentsOf: String(number).utf8)
        case .unsigned(let number): storage.append(contentsOf: String(number).utf8)
        case .double(let number): storage.append(contentsOf: String(number).utf8)
        }
        ends.append(storage.count)
    }

    /// Appends the arguments `range` of another list.
    mutating func append(_ range: Range<Int>, of other: ArgumentList) {
        guard !range.isEmpty else { return }
        let first = other.start(of: range.lowerBound)
        let offset = storage.count - first
        storage.append(contentsOf: other.storage[first..<other.ends[range.upperBound - 1]])
        for index in range { ends.append(other.ends[index] + offset) }
    }

    func start(of index: Int) -> Int { index == 0 ? 0 : ends[index - 1] }

    func byteCount(of range: Range<Int>) -> Int {
        range.isEmpty ? 0 : ends[range.upperBound - 1] - start(of: range.lowerBound)
    }

    subscript(index: Int) -> ArraySlice<UInt8> { storage[start(of: index)..<ends[index]] }
}

/// One command: its name and its arguments, all of them bytes.
package struct RedisCommand: Hashable, Sendable {
    let words: ArgumentList

    /// A command from its name and arguments.
    package init(_ name: String, _ arguments: RedisArgument...) {
        self.init(name, arguments)
    }

    /// A command from its name and a list of arguments.
    package init(_ name: String, _ arguments: [RedisArgument]) {
        var words = ArgumentList()
        words.append(.text(name))
        for argument in arguments { words.append(argument) }
        self.words = words
    }

    /// A command from all its words.
    package init(words: [String]) {
        var list = ArgumentList()
        for word in words { list.append(.text(word)) }
        self.words = list
    }

    init(list: ArgumentList) {
        words = list
    }

    /// The words, the name first.
    package var arguments: [[UInt8]] { (0..<words.count).map { Array(words[$0]) } }
}
