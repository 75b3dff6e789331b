import FleetCore
import FleetWire
import Testing

extension WireSuite {
    /// Messages of a peer that does not hold the bounds.
    @Suite struct DecodeLimitTests {
        struct Refusal: Sendable, CustomTestStringConvertible {
            var bytes: [UInt8]
            var code: WireError.Code
            var field: String
            var testDescription: String { "\(field) \(code)" }

            init(_ message: ProtoBytes, _ code: WireError.Code, _ field: String) {
                bytes = message.bytes
                self.code = code
                self.field = field
            }
        }

        static let key = ProtoBytes().text(1, "j").number(2, 1)
        static let place = ProtoBytes().text(1, "w")

        static func hello(_ more: ProtoBytes) -> ProtoBytes {
            ProtoBytes().message(
                1,
                ProtoBytes().text(1, "n").message(2, ProtoBytes().text(1, "b")).raw(more.bytes))
        }
        static func attemptReport(_ more: ProtoBytes) -> ProtoBytes {
            ProtoBytes().message(
                5, ProtoBytes().message(9, ProtoBytes().message(1, key).raw(more.bytes)))
        }
        static func welcome(_ more: ProtoBytes) -> ProtoBytes {
            ProtoBytes().message(1, ProtoBytes().text(3, "f").raw(more.bytes))
        }
        static func worker(_ spec: ProtoBytes) -> ProtoBytes {
            ProtoBytes().message(
                5, ProtoBytes().message(8, ProtoBytes().text(1, "w").message(8, spec)))
        }
        static func attempt(_ more: ProtoBytes) -> ProtoBytes {
            ProtoBytes().message(
                5, ProtoBytes().message(12, ProtoBytes().message(1, key).raw(more.bytes)))
        }
        static func grant(_ more: ProtoBytes) -> ProtoBytes { ProtoBytes().message(12, more) }
        static func long(_ count: Int) -> String { String(repeating: "a", count: count) }
        static func double(_ value: Double) -> ProtoBytes {
            ProtoBytes().fixed(1, value.bitPattern)
        }
        static let spec = ProtoBytes().text(1, "i").number(2, 1).number(3, 1)
        static let badUTF8: [UInt8] = [0x61, 0xC3]

        static let agentRefusals: [Refusal] = [
            Refusal(ProtoBytes().message(1, ProtoBytes()), .textLength, "Hello.node"),
            Refusal(
                ProtoBytes().message(1, ProtoBytes().text(1, "n")), .missing, "Hello.incarnation"),
            Refusal(
                hello(ProtoBytes().text(1, long(129))), .textLength, "Hello.node"),
            Refusal(hello(ProtoBytes().text(1, "a b")), .textContent, "Hello.node"),
            Refusal(hello(ProtoBytes().text(1, "a\0b")), .textContent, "Hello.node"),
            Refusal(hello(ProtoBytes().text(1, "ä")), .textContent, "Hello.node"),
            Refusal(hello(ProtoBytes().data(3, badUTF8)), .textContent, "Hello.version"),
            Refusal(
                hello(ProtoBytes().data(3, [0xED, 0xA0, 0x80])), .textContent, "Hello.version"),
            Refusal(hello(ProtoBytes().text(3, long(65_537))), .textLength, "Hello.version"),
            Refusal(
                hello(ProtoBytes().message(12, count: 10_001, key)), .tooMany, "Hello.attempts"),
            Refusal(
                hello(ProtoBytes().message(12, ProtoBytes().text(1, "j"))), .outOfRange,
                "AttemptKey.number"),
            Refusal(
                hello(ProtoBytes().message(12, ProtoBytes().text(1, "j").number(2, 2_000_000_001))),
                .outOfRange, "AttemptKey.number"),
            Refusal(
                attemptReport(ProtoBytes().message(4, ProtoBytes().message(1, double(.nan)))),
                .outOfRange, "Progress.fraction"),
            Refusal(
                attemptReport(ProtoBytes().message(4, ProtoBytes().message(1, double(.infinity)))),
                .outOfRange, "Progress.fraction"),
            Refusal(
                attemptReport(ProtoBytes().message(5, ProtoBytes())), .textLength, "Failure.code"),
            Refusal(
                attemptReport(ProtoBytes().message(8, ProtoBytes().text(1, ".."))), .textContent,
                "Output.name"),
            Refusal(
                attemptReport(ProtoBytes().message(8, ProtoBytes().text(1, "a/b"))), .textContent,
                "Output.name"),
            Refusal(
                attemptReport(ProtoBytes().message(8, ProtoBytes().text(1, "a\n"))), .textContent,
                "Output.name"),
            Refusal(
                attemptReport(ProtoBytes().message(8, ProtoBytes().text(1, long(256)))),
                .textLength, "Output.name"),
            Refusal(
                ProtoBytes().message(5, ProtoBytes().message(9, ProtoBytes())), .missing,
                "AttemptReport.key"),
            Refusal(
                ProtoBytes().message(6, ProtoBytes().message(10, double(-.infinity))),
                .outOfRange, "Telemetry.temperature"),
            Refusal(
                ProtoBytes().message(6, ProtoBytes().message(12, ProtoBytes())), .textLength,
                "Measurement.name"),
            Refusal(
                ProtoBytes().message(
                    6,
                    ProtoBytes().message(
                        13, ProtoBytes().text(1, "a").fixed(2, Double.nan.bitPattern))),
                .outOfRange, "Measurement.value"),
            Refusal(
                ProtoBytes().message(
                    6, ProtoBytes().message(12, count: 65, ProtoBytes().text(1, "a"))),
                .tooMany, "Telemetry.temperatures"),
            Refusal(
                ProtoBytes().message(
                    6, ProtoBytes().message(13, count: 2, ProtoBytes().text(1, "a"))),
                .textContent, "Telemetry.watts"),
            Refusal(
                ProtoBytes().message(6, ProtoBytes().text(14, "a b")), .textContent,
                "Telemetry.powerMode"),
            Refusal(
                ProtoBytes().message(6, ProtoBytes().message(16, ProtoBytes())), .textLength,
                "ContainerUse.name"),
            Refusal(
                ProtoBytes().message(
                    6, ProtoBytes().message(16, count: 65, ProtoBytes().text(1, "a"))),
                .tooMany, "Telemetry.containers"),
            Refusal(
                ProtoBytes().message(
                    6, ProtoBytes().message(16, count: 2, ProtoBytes().text(1, "a"))),
                .textContent, "Telemetry.containers"),
            Refusal(ProtoBytes().message(8, ProtoBytes()), .missing, "LogChunk.key"),
            Refusal(
                ProtoBytes().message(12, ProtoBytes().message(2, key).text(4, "n")), .unsupported,
                "UploadRequest.kind"),
            Refusal(ProtoBytes().raw([0x0A]), .malformed, "AgentEnvelope"),
            Refusal(ProtoBytes().raw([0x0B]), .malformed, "AgentEnvelope"),
            Refusal(ProtoBytes().number(1, 5), .malformed, "AgentEnvelope"),
            Refusal(
                ProtoBytes().raw([UInt8](repeating: 0, count: (1 << 20) + 1)), .messageTooLarge,
                "AgentEnvelope"),
        ]

        static let controllerRefusals: [Refusal] = [
            Refusal(
                welcome(ProtoBytes().number(8, 315_576_000_000_000_001)), .outOfRange,
                "Welcome.heartbeat"),
            Refusal(welcome(ProtoBytes().number(9, .max)), .outOfRange, "Welcome.stopAfter"),
            Refusal(worker(ProtoBytes()), .textLength, "WorkerSpec.image"),
            Refusal(worker(spec.text(1, long(513))), .textLength, "WorkerSpec.image"),
            Refusal(worker(spec.number(2, 99)), .unsupported, "WorkerSpec.contract"),
            Refusal(worker(spec.number(3, 0)), .outOfRange, "WorkerSpec.slots"),
            Refusal(worker(spec.number(3, 10_001)), .outOfRange, "WorkerSpec.slots"),
            Refusal(
                worker(spec.message(4, ProtoBytes().number(1, .max))), .outOfRange,
                "WorkerSpec.memory"),
            Refusal(
                worker(spec.message(11, count: 10_001, ProtoBytes())), .tooMany,
                "WorkerSpec.command"),
            Refusal(worker(spec.text(11, long(65_537))), .textLength, "WorkerSpec.command"),
            Refusal(
                ProtoBytes().message(5, ProtoBytes().message(8, ProtoBytes().text(1, "w"))),
                .missing, "WorkerOrder.spec"),
            Refusal(attempt(ProtoBytes().number(2, 1)), .missing, "AttemptOrder.place"),
            Refusal(
                attempt(ProtoBytes().number(2, 1).message(8, place).text(12, long(262_145))),
                .textLength, "AttemptOrder.input"),
            Refusal(
                attempt(ProtoBytes().number(2, 99).message(8, place)), .unsupported,
                "AttemptOrder.kind"),
            Refusal(
                ProtoBytes().message(5, ProtoBytes().text(9, "")), .textLength,
                "Assignments.removedWorkers"),
            Refusal(
                grant(ProtoBytes().text(4, "http://a\r\nb")), .textContent, "UploadGrant.url"),
            Refusal(
                grant(ProtoBytes().message(5, ProtoBytes().text(1, "h").text(2, "v\r\nx: y"))),
                .textContent, "Header.value"),
            Refusal(
                grant(ProtoBytes().message(5, ProtoBytes().text(2, "v"))), .textLength,
                "Header.name"),
            Refusal(grant(ProtoBytes().text(6, long(1025))), .textLength, "UploadGrant.objectKey"),
            Refusal(
                ProtoBytes().message(3, ProtoBytes().data(1, badUTF8)), .textContent,
                "Goodbye.reason"),
        ]

        @Test(arguments: agentRefusals)
        func `is refused from an agent`(refusal: Refusal) {
            let error = #expect(throws: WireError.self) {
                try WireCodec.decodeAgent(refusal.bytes)
            }
            #expect(error?.code == refusal.code)
            #expect(error?.field == refusal.field)
        }

        @Test(arguments: controllerRefusals)
        func `is refused from the controller`(refusal: Refusal) {
            let error = #expect(throws: WireError.self) {
                try WireCodec.decodeController(refusal.bytes)
            }
            #expect(error?.code == refusal.code)
            #expect(error?.field == refusal.field)
        }

        @Test func `fractions outside are moved to the nearer end`() throws {
            for (sent, expected) in [(-3, 0), (1.5, 1), (0.25, 0.25)] as [(Double, Double)] {
                let message = Self.attemptReport(
                    ProtoBytes().message(4, ProtoBytes().message(1, Self.double(sent))))
                guard
                    case .report(_, .attempt(let report)) = try WireCodec.decodeAgent(message.bytes)
                else {
                    Issue.record("no report")
                    return
                }
                #expect(report.progress?.fraction == expected)
            }
        }

        @Test func `the largest allowed are accepted`() throws {
            let largest = [
                Self.hello(ProtoBytes().text(1, Self.long(128))),
                Self.hello(ProtoBytes().text(3, Self.long(65_536))),
                Self.hello(ProtoBytes().message(12, count: 10_000, Self.key)),
                Self.hello(
                    ProtoBytes().message(12, ProtoBytes().text(1, "j").number(2, 2_000_000_000))),
            ]
            for message in largest { _ = try WireCodec.decodeAgent(message.bytes) }
            let controller = [
                Self.welcome(ProtoBytes().number(8, 315_576_000_000_000_000)),
                Self.worker(Self.spec.text(1, Self.long(512)).number(3, 10_000)),
                Self.attempt(
                    ProtoBytes().number(2, 1).message(8, Self.place)
                        .text(12, Self.long(262_144))),
            ]
            for message in controller { _ = try WireCodec.decodeController(message.bytes) }
        }
    }
}
