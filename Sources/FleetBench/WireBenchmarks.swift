import FleetCore
import FleetLink
import FleetWire
import NIOCore

/// Messages as bytes and back, and bytes as frames.
enum WireBenchmarks {
    static let all = [
        Benchmark.time("encode_heartbeat", "a heartbeat, as bytes") {
            try WireCodec.encode(heartbeat).count
        },
        Benchmark.time("decode_heartbeat", "a heartbeat, from bytes") {
            [bytes = encoded(heartbeat)] in
            if case .heartbeat(let number) = try WireCodec.decodeAgent(bytes) {
                Int(number)
            } else {
                0
            }
        },
        Benchmark.time("encode_report", "the report of an attempt with four outputs, as bytes") {
            try WireCodec.encode(report).count
        },
        Benchmark.time("decode_report", "the same, from bytes") { [bytes = encoded(report)] in
            if case .report(let number, _) = try WireCodec.decodeAgent(bytes) {
                Int(number)
            } else {
                0
            }
        },
        Benchmark.time(
            "encode_orders", "a complete set of orders, twenty attempts, as bytes", calls: 500
        ) {
            try WireCodec.encode(orders).count
        },
        Benchmark.time("decode_orders", "the same, from bytes", calls: 500) {
            [bytes = encoded(orders)] in
            if case .assignments(let set) = try WireCodec.decodeController(bytes) {
                set.attempts.count
            } else {
                0
            }
        },
        Benchmark.time(
            "cut_frames", "a hundred frames of 200 bytes, cut from a stream", calls: 50
        ) {
            [stream = frames] in
            var decoder = FrameDecoder(limit: 1 << 20)
            decoder.append(stream)
            var count = 0
            while try decoder.next() != nil { count += 1 }
            return count
        },
    ]

    private static let heartbeat = AgentMessage.heartbeat(sequence: 12)

    private static let report = AgentMessage.report(
        sequence: 12,
        .attempt(
            AttemptReport(
                key: AttemptKey(job: "01kdaqk3fq3s6bt9zqm3t2tqj5", number: 1), phase: .succeeded,
                outputs: (1...4).map {
                    Output(
                        name: "image-\($0).png", contentType: "image/png", size: 1 << 20,
                        key: "outputs/01kdaqk3fq3s6bt9zqm3t2tqj5/1/image-\($0).png")
                })))

    private static let orders = ControllerMessage.assignments(
        Assignments(
            term: 7, appliesTo: nil, resultsIn: 3,
            workers: [
                WorkerOrder(
                    id: "vision-api", spec: WorkerSpec(image: "jessica/vision:1"), isPod: true,
                    readyWithin: .seconds(60))
            ],
            attempts: (1...20).map {
                AttemptOrder(
                    key: AttemptKey(job: JobID("job-\($0)"), number: 1),
                    place: .worker("vision-api"),
                    input: #"{"prompt":"a sunset over the sea","steps":20}"#, kind: .image)
            }))

    private static func encoded(_ message: AgentMessage) -> [UInt8] {
        (try? WireCodec.encode(message)) ?? []
    }
    private static func encoded(_ message: ControllerMessage) -> [UInt8] {
        (try? WireCodec.encode(message)) ?? []
    }

    private static var frames: ByteBuffer {
        var buffer = ByteBuffer()
        for _ in 0..<100 { Frame.encode([UInt8](repeating: 7, count: 200), into: &buffer) }
        return buffer
    }
}
