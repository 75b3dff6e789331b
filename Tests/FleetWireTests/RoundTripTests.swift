import FleetCore
import FleetWire
import Testing

extension WireSuite {
    @Suite struct RoundTripTests {
        @Test func `random agent messages come back equal`() throws {
            var generator = MessageGenerator(seed: 1)
            var kinds = Set<Int>()
            for _ in 0..<10_000 {
                let message = generator.agentMessage()
                let bytes = try WireCodec.encode(message)
                #expect(try WireCodec.decodeAgent(bytes) == message)
                kinds.insert(Int(bytes.first ?? 0))
            }
            #expect(kinds.count == 7)
        }

        @Test func `random controller messages come back equal`() throws {
            var generator = MessageGenerator(seed: 2)
            var kinds = Set<Int>()
            for _ in 0..<10_000 {
                let message = generator.controllerMessage()
                let bytes = try WireCodec.encode(message)
                #expect(try WireCodec.decodeController(bytes) == message)
                kinds.insert(Int(bytes.first ?? 0))
            }
            #expect(kinds.count == 9)
        }

        /// Each field of `Telemetry` alone: none is mistaken for another, and zero is not absent.
        @Test func `absent is not zero`() throws {
            let samples = [
                Telemetry(), Telemetry(cpu: 0), Telemetry(gpu: 0), Telemetry(memoryUsed: 0),
                Telemetry(memoryTotal: 0), Telemetry(diskFree: 0), Telemetry(temperature: 0),
                Telemetry(power: 0), Telemetry(swapUsed: 0), Telemetry(swapTotal: 0),
                Telemetry(temperatures: [.init(name: "a", value: 0)]),
                Telemetry(watts: [.init(name: "a", value: 0)]), Telemetry(powerMode: "0"),
                Telemetry(containers: [.init(name: "a", memory: 0)]),
                Telemetry(containers: [.init(name: "a", cpu: 0, memory: 0)]),
            ]
            var seen = Set<[UInt8]>()
            for sample in samples {
                let bytes = try WireCodec.encode(.telemetry(sample))
                #expect(try WireCodec.decodeAgent(bytes) == .telemetry(sample))
                #expect(seen.insert(bytes).inserted)
            }
            let key = AttemptKey(job: "j", number: 1)
            for exitCode in [nil, 0, 1, -1, Int32.min, .max] as [Int32?] {
                let report = AgentMessage.report(
                    sequence: 0,
                    .attempt(AttemptReport(key: key, phase: .failed, exitCode: exitCode)))
                #expect(try WireCodec.decodeAgent(WireCodec.encode(report)) == report)
            }
            for appliesTo in [nil, 0, 1] as [UInt64?] {
                let set = ControllerMessage.assignments(
                    Assignments(term: 0, appliesTo: appliesTo, resultsIn: 0))
                #expect(try WireCodec.decodeController(WireCodec.encode(set)) == set)
            }
        }

        /// The bytes on the wire are fixed: another version must be able to read them.
        @Test func `the wire format is as it was`() throws {
            let key = ProtoBytes().text(1, "j1").number(2, 3)
            let order = AttemptOrder(
                key: AttemptKey(job: "j1", number: 3),
                place: .container(ContainerOrder(image: "a/b:c", command: ["x"], memory: 0)),
                input: "{}", kind: .voice, stop: .evicted)
            let expected = ProtoBytes().message(
                5,
                ProtoBytes().number(1, 7).message(2, ProtoBytes()).number(3, 8).text(9, "w")
                    .message(
                        12,
                        ProtoBytes().message(1, key).number(2, 3).number(3, 5)
                            .message(
                                9,
                                ProtoBytes().text(1, "a/b:c").message(4, ProtoBytes())
                                    .text(8, "x")
                            )
                            .text(12, "{}")))
            let set = Assignments(
                term: 7, appliesTo: 0, resultsIn: 8, removedWorkers: ["w"], attempts: [order])
            #expect(try WireCodec.encode(.assignments(set)) == expected.bytes)
            #expect(
                try WireCodec.encode(
                    .welcome(
                        Welcome(
                            session: SessionID(1), term: 2, fleet: "f", heartbeat: .seconds(5),
                            stopAfter: .nanoseconds(1))))
                    == ProtoBytes().message(
                        1,
                        ProtoBytes().fixed(1, 1).number(2, 2).text(3, "f")
                            .number(8, 5_000_000_000).number(9, 1)
                    ).bytes)
        }

        @Test func `what a newer version sends is unknown, not an error`() throws {
            let newer = ProtoBytes().message(99, ProtoBytes().text(1, "x"))
            #expect(try WireCodec.decodeAgent([]) == .unknown(0))
            #expect(try WireCodec.decodeAgent(newer.bytes) == .unknown(0))
            #expect(try WireCodec.decodeController([]) == .unknown(0))
            #expect(try WireCodec.decodeController(newer.bytes) == .unknown(0))
            let report = ProtoBytes().message(5, ProtoBytes().number(1, 4).message(15, newer))
            #expect(try WireCodec.decodeAgent(report.bytes) == .unknown(0))
            // Fields that are new within a known message are skipped.
            let beat = ProtoBytes().message(2, ProtoBytes().number(1, 4).text(77, "new"))
            #expect(try WireCodec.decodeAgent(beat.bytes) == .heartbeat(sequence: 4))
        }

        @Test func `phases and reasons of a newer version are unknown`() throws {
            let key = ProtoBytes().text(1, "j").number(2, 1)
            for number in [9, 200, UInt64(UInt32.max), .max] {
                let worker = ProtoBytes().message(
                    5,
                    ProtoBytes().message(8, ProtoBytes().text(1, "w").number(3, number)))
                #expect(
                    try WireCodec.decodeAgent(worker.bytes)
                        == .report(
                            sequence: 0,
                            .worker(WorkerReport(id: "w", phase: .unknown))))
                let attempt = ProtoBytes().message(
                    5, ProtoBytes().message(9, ProtoBytes().message(1, key).number(2, number)))
                #expect(
                    try WireCodec.decodeAgent(attempt.bytes)
                        == .report(
                            sequence: 0,
                            .attempt(
                                AttemptReport(
                                    key: AttemptKey(job: "j", number: 1), phase: .unknown))))
                let order = ProtoBytes().message(
                    5,
                    ProtoBytes().message(
                        12,
                        ProtoBytes().message(1, key).number(2, 1).number(3, number)
                            .message(8, ProtoBytes().text(1, "w"))))
                guard case .assignments(let set) = try WireCodec.decodeController(order.bytes)
                else {
                    Issue.record("no assignments")
                    continue
                }
                #expect(set.attempts.first?.stop == .unknown)
            }
        }

        @Test func `a message of a newer version cannot be sent`() {
            #expect(throws: WireError.self) { try WireCodec.encode(AgentMessage.unknown(3)) }
            #expect(throws: WireError.self) { try WireCodec.encode(ControllerMessage.unknown(3)) }
        }
    }
}
