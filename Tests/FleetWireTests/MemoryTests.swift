import FleetCore
import FleetWire
import Foundation
import Testing

extension WireSuite {
    @Suite struct MemoryTests {
        /// The resident memory of this process in bytes; nil where the system does not tell.
        func residentMemory() -> Int? {
            guard
                let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
                let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
                let kibibytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst()
                    .first.flatMap({ Int($0) })
            else { return nil }
            return kibibytes * 1024
        }

        @Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/self/status")))
        func `a hundred thousand messages leave nothing behind`() throws {
            var generator = MessageGenerator(seed: 8)
            let agent = (0..<50).map { _ in generator.agentMessage() }
            let controller = (0..<50).map { _ in generator.controllerMessage() }
            let damaged = try agent.map { Array(try WireCodec.encode($0).dropLast()) }
            func run(_ rounds: Int) throws {
                for _ in 0..<rounds {
                    for message in agent {
                        #expect(try WireCodec.decodeAgent(WireCodec.encode(message)) == message)
                    }
                    for message in controller {
                        #expect(
                            try WireCodec.decodeController(WireCodec.encode(message)) == message)
                    }
                    // The ways out by an error must leave nothing either.
                    for bytes in damaged { _ = try? WireCodec.decodeAgent(bytes) }
                    _ = try? WireCodec.encode(.telemetry(Telemetry(cpu: 0.5, power: .nan)))
                }
            }
            try run(20)
            let before = try #require(residentMemory())
            try run(1_000)
            let growth = try #require(residentMemory()) - before
            print("growth of the resident memory over 100,000 messages: \(growth / 1024) KiB")
            #expect(growth < 20 << 20)
        }
    }
}
