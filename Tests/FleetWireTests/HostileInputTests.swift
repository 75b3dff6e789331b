import FleetCore
import FleetWire
import Testing

extension WireSuite {
    /// Bytes of an enemy: an error or a value, never a trap.
    @Suite struct HostileInputTests {
        /// Decodes; a value must be one that can be sent, and must come back equal.
        @discardableResult
        func tryAgent(_ bytes: [UInt8]) -> Bool {
            do throws(WireError) {
                let message = try WireCodec.decodeAgent(bytes)
                if case .unknown = message { return true }
                let again = try WireCodec.decodeAgent(WireCodec.encode(message))
                #expect(again == message)
                return true
            } catch {
                #expect(!error.field.isEmpty && !error.message.isEmpty)
                return false
            }
        }

        @discardableResult
        func tryController(_ bytes: [UInt8]) -> Bool {
            do throws(WireError) {
                let message = try WireCodec.decodeController(bytes)
                if case .unknown = message { return true }
                let again = try WireCodec.decodeController(WireCodec.encode(message))
                #expect(again == message)
                return true
            } catch {
                #expect(!error.field.isEmpty && !error.message.isEmpty)
                return false
            }
        }

        @Test func `messages cut at every byte`() throws {
            var generator = MessageGenerator(seed: 3)
            for _ in 0..<40 {
                let agent = try WireCodec.encode(generator.agentMessage())
                for length in 0..<agent.count { tryAgent(Array(agent[..<length])) }
                let controller = try WireCodec.encode(generator.controllerMessage())
                for length in 0..<controller.count { tryController(Array(controller[..<length])) }
            }
        }

        @Test func `damaged bytes`() throws {
            var generator = MessageGenerator(seed: 4)
            var mutator = ByteMutator(random: SeededGenerator(seed: 5))
            var accepted = 0
            for _ in 0..<2_000 {
                let agent = try WireCodec.encode(generator.agentMessage())
                let controller = try WireCodec.encode(generator.controllerMessage())
                for _ in 0..<50 {
                    if tryAgent(mutator.damage(agent, other: controller)) { accepted += 1 }
                    if tryController(mutator.damage(controller, other: agent)) { accepted += 1 }
                }
            }
            // Neither everything nor nothing gets through, or the test would show little.
            #expect((2_000..<198_000).contains(accepted))
        }

        /// Fields given twice, dropped, moved and changed, with all lengths right: this reaches the
        /// C library's merging and the checks of values, which random damage rarely does.
        @Test func `rearranged fields`() throws {
            var generator = MessageGenerator(seed: 6)
            var random = SeededGenerator(seed: 7)
            var accepted = 0
            for _ in 0..<1_000 {
                let agent = try WireCodec.encode(generator.agentMessage())
                let controller = try WireCodec.encode(generator.controllerMessage())
                for _ in 0..<50 {
                    let changed = FieldTree(agent).rearranged(&random).bytes
                    if tryAgent(changed) { accepted += 1 }
                    let other = FieldTree(controller).rearranged(&random).bytes
                    if tryController(other) { accepted += 1 }
                }
            }
            #expect((1_000..<99_000).contains(accepted))
        }

        @Test func `lengths that overflow 32 bits`() {
            for length in [0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF0, 0xFFFF_FFFA, 0xFFFF_FFFB]
                + [0xFFFF_FFFC, 0xFFFF_FFFD, 0xFFFF_FFFE, 0xFFFF_FFFF, UInt64.max]
            {
                for field: UInt64 in 1...15 {
                    let tag = ProtoBytes.varint(field << 3 | 2)
                    let inner = tag + ProtoBytes.varint(length) + [1, 2, 3, 4, 5, 6, 7, 8]
                    tryAgent(inner)
                    tryController(inner)
                    for outer: UInt64 in 1...12 {
                        tryAgent(ProtoBytes().data(outer, inner).bytes)
                        tryController(ProtoBytes().data(outer, inner).bytes)
                    }
                }
            }
        }

        /// The most memory for the fewest bytes: a full message of the smallest parts of each kind.
        @Test func `many tiny parts`() {
            let parts: [[UInt8]] = [
                [0x0A, 0], [0x12, 0], [0x22, 0], [0x2A, 0], [0x42, 0], [0x4A, 0], [0x52, 0],
                [0x5A, 0], [0x62, 0], [0x6A, 0], [0x7A, 0], [0x08, 1], [0x78, 1], [0xF8, 1, 1],
            ]
            for part in parts {
                let filler = Array(repeatElement(part, count: 500_000).joined())
                // At the top, one level down, and two levels down, below every field there is.
                let room = WireLimits.message - 16
                let below = 300_000
                tryAgent(Array(filler.prefix(room)))
                tryController(Array(filler.prefix(room)))
                for outer: UInt64 in [1, 5, 6, 8, 12] {
                    let inner = ProtoBytes().data(outer, Array(filler.prefix(below)))
                    tryAgent(inner.bytes)
                    tryController(inner.bytes)
                    for middle: UInt64 in [8, 9, 12] {
                        let deep = ProtoBytes().data(
                            outer,
                            ProtoBytes().data(middle, Array(filler.prefix(below))).bytes)
                        tryAgent(deep.bytes)
                        tryController(deep.bytes)
                    }
                }
            }
        }

        @Test func `deep nesting`() {
            for field: UInt64 in 1...15 {
                var bytes: [UInt8] = []
                for _ in 0..<2_000 { bytes = ProtoBytes().data(field, bytes).bytes }
                tryAgent(bytes)
                tryController(bytes)
            }
        }
    }
}
