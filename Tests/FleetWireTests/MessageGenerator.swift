import FleetCore
import FleetWire

/// Random messages within every bound; equal seeds give equal messages.
struct MessageGenerator {
    var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func agentMessage() -> AgentMessage {
        switch int(0...6) {
        case 0: .hello(hello())
        case 1: .heartbeat(sequence: number())
        case 2: .report(sequence: number(), report())
        case 3: .telemetry(telemetry())
        case 4: .log(logChunk())
        case 5: .inputRequest(id: number(), inputRequest())
        default: .uploadRequest(id: number(), uploadRequest())
        }
    }

    mutating func controllerMessage() -> ControllerMessage {
        switch int(0...8) {
        case 0: .welcome(welcome())
        case 1: .renewed(sequence: number())
        case 2: .assignments(assignments())
        case 3: .acknowledged(sequence: number())
        case 4: .logCredit(bytes: .random(in: 0 ... .max, using: &random))
        case 5: .logKept(key())
        case 6: .uploadGrant(id: number(), uploadGrant())
        case 7: .inputGrant(id: number(), inputGrant())
        default: .goodbye(reason: text(), certificateIsVoid: .random(using: &random))
        }
    }

    // MARK: Parts

    mutating func hello() -> Hello {
        Hello(
            node: NodeName(name()), incarnation: Incarnation(boot: name(), starts: number()),
            version: text(), protocolVersion: .random(in: 0 ... .max, using: &random),
            term: number(), processors: .random(in: 0 ... .max, using: &random), memory: number(),
            attempts: list { $0.key() })
    }

    mutating func welcome() -> Welcome {
        Welcome(
            session: SessionID(number()), term: number(), fleet: name(), heartbeat: duration(),
            stopAfter: duration(), hasFormerLife: bool())
    }

    mutating func assignments() -> Assignments {
        Assignments(
            term: number(), appliesTo: maybe { $0.number() }, resultsIn: number(),
            workers: list { $0.workerOrder() }, removedWorkers: list { WorkerID($0.name()) },
            attempts: list { $0.attemptOrder() }, removedAttempts: list { $0.key() },
            cleaning: number())
    }

    mutating func workerOrder() -> WorkerOrder {
        WorkerOrder(
            id: WorkerID(name()), spec: workerSpec(), service: maybe { ServiceName($0.name()) },
            isPod: bool(),
            readyWithin: duration())
    }

    mutating func workerSpec() -> WorkerSpec {
        WorkerSpec(
            image: name(), contract: pick(Contract.allCases, .cog), slots: int(WireLimits.slots),
            memory: maybe { .random(in: 0 ... .max, using: &$0.random) }, gpu: bool(),
            models: list { $0.text() }, devices: list { $0.text() },
            components: list { $0.text() }, command: list { $0.text() },
            networks: list { $0.name() }, largeOutputs: bool())
    }

    mutating func attemptOrder() -> AttemptOrder {
        AttemptOrder(
            key: key(),
            place: bool()
                ? .worker(WorkerID(name()))
                : .container(
                    ContainerOrder(
                        image: name(), command: list { $0.text() },
                        memory: maybe { .random(in: 0 ... .max, using: &$0.random) })),
            input: text(),
            stored: maybe {
                StoredInput(
                    size: .random(in: 0...StoredInput.sizeLimit, using: &$0.random),
                    digest: $0.name())
            }, kind: pick(JobKind.allCases, .image),
            stop: maybe {
                $0.pick([.cancelled, .deadline, .superseded, .evicted, .unknown], .unknown)
            })
    }

    mutating func report() -> Report {
        switch int(0...2) {
        case 0:
            .worker(
                WorkerReport(
                    id: WorkerID(name()),
                    phase: pick(
                        [
                            .accepted, .pulling, .starting, .ready, .failed, .stopping, .gone,
                            .unknown,
                        ], .unknown),
                    progress: maybe { $0.progress() }, error: maybe { $0.failure() },
                    image: bool() ? name() : "", restarts: .random(in: 0 ... .max, using: &random)))
        case 1:
            .attempt(
                AttemptReport(
                    key: key(),
                    phase: pick(
                        [
                            .accepted, .preparing, .running, .uploading, .succeeded, .failed,
                            .stopped, .unknown,
                        ], .unknown),
                    progress: maybe { $0.progress() }, outputs: list { $0.output() },
                    error: maybe { $0.failure() },
                    exitCode: maybe { .random(in: .min ... .max, using: &$0.random) }))
        default:
            .cleaned(CleanReport(order: number(), leftovers: list { $0.text() }))
        }
    }

    mutating func progress() -> Progress {
        Progress(fraction: maybe { $0.double(0...1) }, text: text())
    }

    mutating func failure() -> Failure { Failure(FailureCode(name()), text()) }

    mutating func output() -> Output {
        Output(
            name: "o-" + name(32, "abc.- é"), contentType: name(), size: number(), key: name(),
            digest: bool() ? name() : nil)
    }

    mutating func telemetry() -> Telemetry {
        Telemetry(
            cpu: maybe { $0.double(0...1) }, gpu: maybe { $0.double(0...1) },
            memoryUsed: maybe { $0.number() }, memoryTotal: maybe { $0.number() },
            diskFree: maybe { $0.number() }, swapUsed: maybe { $0.number() },
            swapTotal: maybe { $0.number() }, temperature: maybe { $0.double(-300...300) },
            power: maybe { $0.double(-1e9...1e9) }, temperatures: measurements(),
            watts: measurements(), powerMode: maybe { $0.name() },
            containers: measurements().map {
                .init(name: $0.name, cpu: maybe { $0.double(0...64) }, memory: number())
            }, wallClock: maybe { .random(in: .min ... .max, using: &$0.random) },
            troubles: measurements().prefix(WireLimits.troubles).map {
                .init(name: $0.name, message: text(), action: text())
            })
    }

    mutating func measurements() -> [Telemetry.Measurement] {
        list { ($0.name(), $0.double(-1e9...1e9)) }.enumerated().map { index, pair in
            // No name may be there twice.
            Telemetry.Measurement(name: "\(index)" + pair.0.suffix(100), value: pair.1)
        }
    }

    mutating func logChunk() -> LogChunk {
        LogChunk(
            key: key(), offset: number(),
            text: (0..<int(0...200)).map { _ in .random(in: 0...255, using: &random) },
            isLast: .random(using: &random))
    }

    mutating func uploadRequest() -> UploadRequest {
        UploadRequest(
            key: key(), kind: pick(JobKind.allCases, .image), name: "o-" + name(32, "abc.- é"),
            contentType: name(), size: number())
    }

    mutating func uploadGrant() -> UploadGrant {
        UploadGrant(
            url: name(), headers: list { UploadGrant.Header(name: $0.name(), value: $0.name()) },
            objectKey: bool() ? name() : "", refusal: text())
    }

    mutating func inputRequest() -> InputRequest {
        InputRequest(
            key: key(), word: bool() ? "$from" : "$upload", text: name(40, "abc.[]0é"),
            offset: int(0...Int(UInt32.max)))
    }

    mutating func inputGrant() -> InputGrant {
        InputGrant(
            refusal: text(), isPassing: bool(), isList: bool(), total: int(0...Int(UInt32.max)),
            files: list {
                InputGrant.File(
                    name: "i-" + $0.name(32, "abc.- é"), contentType: $0.name(), size: $0.number(),
                    url: $0.name(),
                    headers: $0.list { UploadGrant.Header(name: $0.name(), value: $0.name()) })
            })
    }

    mutating func key() -> AttemptKey {
        AttemptKey(job: JobID(name()), number: int(WireLimits.attempts))
    }

    // MARK: Scalars; the ends of a range come up more often than by chance

    mutating func int(_ range: ClosedRange<Int>) -> Int {
        switch Int.random(in: 0...9, using: &random) {
        case 0: range.lowerBound
        case 1: range.upperBound
        default: .random(in: range, using: &random)
        }
    }

    mutating func bool() -> Bool { .random(using: &random) }

    mutating func number() -> UInt64 {
        // Of every length in bits, so that varints of every length occur.
        let bits = int(0...64)
        return bits == 0 ? 0 : .random(in: 0...(.max >> UInt64(64 - bits)), using: &random)
    }

    mutating func double(_ range: ClosedRange<Double>) -> Double {
        switch int(0...5) {
        case 0: range.lowerBound
        case 1: range.upperBound
        default: .random(in: range, using: &random)
        }
    }

    mutating func duration() -> Duration {
        .nanoseconds(
            Int64(int(0...Int(clamping: WireLimits.duration.nanoseconds))))
    }

    mutating func name(
        _ maximum: Int = WireLimits.name,
        _ alphabet: String = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@-"
    ) -> String {
        let characters = Array(alphabet)
        let length = bool() ? int(1...8) : int(1...maximum)
        return String((0..<length).map { _ in pick(characters, "a") })
    }

    mutating func text() -> String {
        let pieces = ["", "a", "word ", "\0", "\n", "é", "漢", "🙂", "\u{FEFF}", "{\"x\":1}"]
        return (0..<int(0...12)).map { _ in pick(pieces, "") }.joined()
    }

    mutating func maybe<T>(_ make: (inout Self) -> T) -> T? { bool() ? make(&self) : nil }

    mutating func list<T>(_ make: (inout Self) -> T) -> [T] {
        (0..<(bool() ? 0 : int(1...4))).map { _ in make(&self) }
    }

    mutating func pick<T>(_ values: [T], _ otherwise: T) -> T {
        values.randomElement(using: &random) ?? otherwise
    }
}
