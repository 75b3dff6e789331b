import CFleetMessages
import CProtobufC
import FleetCore

// Telemetry and logs.

extension Jessica__V1__Telemetry: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__telemetry__init(memory)
    }

    mutating func fill(_ value: Telemetry, _ arena: borrowing Arena) throws(WireError) {
        unsafe cpu = try arena.make(
            Bounds.fraction(value.cpu, "Telemetry.cpu"), "Telemetry.cpu")
        unsafe gpu = try arena.make(
            Bounds.fraction(value.gpu, "Telemetry.gpu"), "Telemetry.gpu")
        unsafe memory_used = try arena.make(value.memoryUsed, "Telemetry.memoryUsed")
        unsafe memory_total = try arena.make(value.memoryTotal, "Telemetry.memoryTotal")
        unsafe disk_free = try arena.make(value.diskFree, "Telemetry.diskFree")
        unsafe temperature = try arena.make(
            Bounds.finite(value.temperature, "Telemetry.temperature"), "Telemetry.temperature")
        unsafe power = try arena.make(
            Bounds.finite(value.power, "Telemetry.power"), "Telemetry.power")
    }

    func decoded() throws(WireError) -> Telemetry {
        try unsafe Telemetry(
            cpu: Bounds.fraction(Read.optional(cpu), "Telemetry.cpu"),
            gpu: Bounds.fraction(Read.optional(gpu), "Telemetry.gpu"),
            memoryUsed: Read.optional(memory_used),
            memoryTotal: Read.optional(memory_total),
            diskFree: Read.optional(disk_free),
            temperature: Bounds.finite(Read.optional(temperature), "Telemetry.temperature"),
            power: Bounds.finite(Read.optional(power), "Telemetry.power"))
    }
}

/// A piece of a log to send, whose bytes stay where they are: they are most of what a link carries.
@unsafe
struct LentLogChunk {
    /// The attempt.
    let key: AttemptKey
    /// Where the piece begins.
    let offset: UInt64
    /// The bytes, valid while the message is made.
    let bytes: UnsafeBufferPointer<UInt8>
}

extension Jessica__V1__LogChunk {
    /// The struct for a piece of a log, around the bytes that are lent.
    static func make(
        _ chunk: LentLogChunk, _ arena: borrowing Arena
    ) throws(WireError) -> UnsafeMutablePointer<Self> {
        let memory = try unsafe arena.allocate(Self.self, count: 1, "LogChunk")
        unsafe jessica__v1__log_chunk__init(memory)
        unsafe memory.pointee.key = try arena.make(chunk.key, "LogChunk.key")
        unsafe memory.pointee.offset = chunk.offset
        // The C struct is used for reading as well, so its pointer is mutable; packing only reads.
        unsafe memory.pointee.data = ProtobufCBinaryData(
            len: chunk.bytes.count, data: UnsafeMutablePointer(mutating: chunk.bytes.baseAddress))
        return unsafe memory
    }

    /// The value, checked.
    func decoded() throws(WireError) -> LogChunk {
        try unsafe LogChunk(
            key: Read.required(key, "LogChunk.key"),
            offset: offset,
            bytes: Array(Read.bytes(data)))
    }
}

extension Jessica__V1__LogCredit: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__log_credit__init(memory)
    }
    mutating func fill(_ value: UInt32, _ arena: borrowing Arena) { unsafe bytes = value }
    func decoded() -> UInt32 { unsafe bytes }
}
