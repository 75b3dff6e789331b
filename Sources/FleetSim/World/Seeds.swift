package import FleetCore

/// Independent streams of randomness that all come from one seed.
///
/// Each part of the world draws from a stream of its own, so that leaving out one fault does not
/// change what the network or another node does by chance: that is what makes shrinking work.
package struct Seeds: Hashable, Sendable {
    /// The seed of the whole run.
    package let root: UInt64

    /// Creates the streams of a seed.
    package init(root: UInt64) { self.root = root }

    /// The parts of a run that draw at random.
    package enum Part: UInt64, Sendable {
        case weather, storm, network, node, docker, store, controller, clocks, clients, agent, plans
        case history
    }

    /// The seed of a part, or of the `index`-th of its kind.
    package func seed(_ part: Part, _ index: Int = 0) -> UInt64 {
        var mixed = SeededGenerator(
            seed: root ^ (part.rawValue << 56) ^ (UInt64(bitPattern: Int64(index)) << 20))
        return mixed.next()
    }

    /// The stream of a part, or of the `index`-th of its kind.
    package func stream(_ part: Part, _ index: Int = 0) -> SeededGenerator {
        SeededGenerator(seed: seed(part, index))
    }
}

extension SeededGenerator {
    /// True for `count` in a thousand draws; draws nothing for 0.
    mutating func permille(_ count: Int) -> Bool {
        count > 0 && Int.random(in: 0..<1_000, using: &self) < count
    }

    /// A duration from zero to `most`, both included.
    mutating func duration(upTo most: Duration) -> Duration {
        let limit = most.nanoseconds
        return limit > 0 ? .nanoseconds(Int64.random(in: 0...limit, using: &self)) : .zero
    }

    /// A duration between two, in whole milliseconds.
    mutating func duration(_ range: ClosedRange<Int>) -> Duration {
        .milliseconds(Int.random(in: range, using: &self))
    }

    /// An element; the collection must not be empty.
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &self)]
    }
}
