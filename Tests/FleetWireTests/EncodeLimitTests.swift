import FleetCore
import FleetWire
import Testing

extension WireSuite {
    /// What a sender refuses, so that its peer never has to.
    @Suite struct EncodeLimitTests {
        static let key = AttemptKey(job: "j", number: 1)

        func code(_ message: AgentMessage) -> WireError.Code? {
            do throws(WireError) {
                _ = try WireCodec.encode(message)
                return nil
            } catch { return error.code }
        }

        func code(_ message: ControllerMessage) -> WireError.Code? {
            do throws(WireError) {
                _ = try WireCodec.encode(message)
                return nil
            } catch { return error.code }
        }

        func assignment(_ spec: WorkerSpec, count: Int = 1) -> ControllerMessage {
            let order = WorkerOrder(
                id: "w", spec: spec, isPod: true, readyWithin: .zero)
            return .assignments(
                Assignments(
                    term: 1, appliesTo: nil, resultsIn: 1,
                    workers: Array(repeating: order, count: count)))
        }

        func order(_ input: String, stored: StoredInput? = nil) -> ControllerMessage {
            .assignments(
                Assignments(
                    term: 1, appliesTo: nil, resultsIn: 1,
                    attempts: [
                        AttemptOrder(
                            key: Self.key, place: .worker("w"), input: input, stored: stored,
                            kind: .text)
                    ]))
        }

        @Test func `texts`() {
            #expect(code(order(String(repeating: "x", count: 262_144))) == nil)
            #expect(code(order(String(repeating: "x", count: 262_145))) == .textLength)
            let text = String(repeating: "é", count: 32_768)
            #expect(code(assignment(WorkerSpec(image: "i", models: [text]))) == nil)
            #expect(code(assignment(WorkerSpec(image: "i", models: [text + "x"]))) == .textLength)
            #expect(code(assignment(WorkerSpec(image: ""))) == .textLength)
            #expect(code(assignment(WorkerSpec(image: "a b"))) == .textContent)
            #expect(
                code(.log(LogChunk(key: AttemptKey(job: "", number: 1), offset: 0, text: [])))
                    == .textLength)
        }

        @Test func `numbers`() {
            for (number, expected) in [
                (0, false), (1, true), (2_000_000_000, true), (2_000_000_001, false),
            ]
                + [(-1, false), (Int.max, false), (Int.min, false)]
            {
                let key = AttemptKey(job: "j", number: number)
                #expect(
                    code(.log(LogChunk(key: key, offset: 0, text: [])))
                        == (expected ? nil : .outOfRange))
            }
            for slots in [0, -1, 10_001, .max] {
                #expect(code(assignment(WorkerSpec(image: "i", slots: slots))) == .outOfRange)
            }
            #expect(code(assignment(WorkerSpec(image: "i", memory: -1))) == .outOfRange)
            for (size, expected) in [(262_144, nil), (262_145, WireError.Code.outOfRange)] {
                #expect(code(order("{}", stored: .init(size: size, digest: "d"))) == expected)
            }
            for bad in [Double.nan, .infinity, -.infinity, .signalingNaN] {
                #expect(code(.telemetry(Telemetry(cpu: bad))) == .outOfRange)
                #expect(code(.telemetry(Telemetry(power: bad))) == .outOfRange)
                #expect(code(measured([("a", 1), ("b", bad)])) == .outOfRange)
            }
        }

        private func measured(_ pairs: [(String, Double)]) -> AgentMessage {
            .telemetry(
                Telemetry(temperatures: pairs.map { .init(name: $0.0, value: $0.1) }))
        }

        @Test func `sensors and rails`() {
            let most = (0..<64).map { ("n\($0)", 1.0) }
            #expect(code(measured(most)) == nil)
            #expect(code(measured(most + [("x", 1)])) == .tooMany)
            #expect(code(measured([("a", 1), ("b", 2), ("a", 1)])) == .textContent)
            #expect(code(measured([("", 1)])) == .textLength)
            #expect(code(measured([("a b", 1)])) == .textContent)
            let rails = Array(
                repeating: Telemetry.Measurement(name: "VDD_IN", value: 1), count: 2)
            #expect(code(.telemetry(Telemetry(watts: rails))) == .textContent)
            #expect(code(.telemetry(Telemetry(powerMode: "30 W"))) == .textContent)
        }

        @Test func `durations`() {
            let longest = WireLimits.duration
            for (duration, isFine) in [
                (.zero, true), (longest, true), (.nanoseconds(-1), false),
                (longest + .nanoseconds(1), false), (.seconds(Int64.max), false),
                (.seconds(Int64.min), false),
            ] as [(Duration, Bool)] {
                let welcome = Welcome(
                    session: SessionID(1), term: 1, fleet: "f", heartbeat: duration,
                    stopAfter: .zero)
                #expect(code(.welcome(welcome)) == (isFine ? nil : .outOfRange))
            }
        }

        @Test func `lists`() {
            func hello(_ count: Int) -> AgentMessage {
                .hello(
                    Hello(
                        node: "n", incarnation: Incarnation(boot: "b", starts: 1), version: "1",
                        attempts: Array(repeating: Self.key, count: count)))
            }
            #expect(code(hello(10_000)) == nil)
            #expect(code(hello(10_001)) == .tooMany)
        }

        /// Whatever can be sent can be received, however many small parts it has.
        @Test func `elements of all lists together`() throws {
            let spec = WorkerSpec(image: "i", command: Array(repeating: "", count: 9_999))
            let most = assignment(spec, count: 5)
            #expect(try WireCodec.decodeController(WireCodec.encode(most)) == most)
            #expect(code(assignment(spec, count: 6)) == .tooMany)
            let wide = assignment(
                WorkerSpec(image: "i", memory: 1, models: ["a"], devices: ["b"]), count: 10_000)
            #expect(try WireCodec.decodeController(WireCodec.encode(wide)) == wide)
        }

        @Test func `the size of the message`() throws {
            // 15 bytes around the data: two tags with lengths of three bytes, and the key.
            let room = WireLimits.message - 15
            func log(_ count: Int) -> AgentMessage {
                .log(LogChunk(key: Self.key, offset: 0, text: Array(repeating: 7, count: count)))
            }
            let bytes = try WireCodec.encode(log(room))
            #expect(bytes.count == WireLimits.message)
            #expect(try WireCodec.decodeAgent(bytes) == log(room))
            #expect(code(log(room + 1)) == .messageTooLarge)
            #expect(code(log(50 << 20)) == .messageTooLarge)
            // Far too much to copy even once.
            let text = String(repeating: "x", count: 65_536)
            let huge = WorkerSpec(image: "i", models: Array(repeating: text, count: 10_000))
            #expect(code(assignment(huge)) == .messageTooLarge)
        }

        /// What the API accepts can be ordered, also with as many attempts as the controller gives to a node.
        @Test func `the largest command`() {
            func order(_ command: [String], _ number: Int) -> AttemptOrder {
                AttemptOrder(
                    key: AttemptKey(job: "j", number: number),
                    place: .container(ContainerOrder(image: "i", command: command)), input: "{}",
                    kind: .custom)
            }
            let most = ContainerOrder.commandLimit
            let long = [String(repeating: "x", count: most)]
            let many = Array(repeating: String(repeating: "x", count: most / 256), count: 256)
            for (command, count) in [(long, 46), (many, 35)] {
                let set = Assignments(
                    term: 1, appliesTo: nil, resultsIn: 1,
                    attempts: (1...count).map { order(command, $0) })
                #expect(code(.assignments(set)) == nil)
            }
        }

        @Test func `words for people are shortened between characters`() throws {
            for (word, kept) in [("a", 65_536), ("é", 65_536), ("漢", 65_535), ("🙂", 65_536)] {
                let sent = String(repeating: word, count: 70_000)
                guard
                    case .goodbye(let reason, _) = try WireCodec.decodeController(
                        WireCodec.encode(.goodbye(reason: sent)))
                else {
                    Issue.record("no goodbye")
                    return
                }
                #expect(reason.utf8.count == kept)
                #expect(sent.hasPrefix(reason))
            }
        }
    }
}
