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
        unsafe swap_used = try arena.make(value.swapUsed, "Telemetry.swapUsed")
        unsafe swap_total = try arena.make(value.swapTotal, "Telemetry.swapTotal")
        unsafe temperature = try arena.make(
            Bounds.finite(value.temperature, "Telemetry.temperature"), "Telemetry.temperature")
        unsafe power = try arena.make(
            Bounds.finite(value.power, "Telemetry.power"), "Telemetry.power")
        unsafe n_temperatures = value.temperatures.count
        unsafe temperatures = try arena.makeList(
            Bounds.measured(value.temperatures, by: \.name, "Telemetry.temperatures"),
            "Telemetry.temperatures")
        unsafe n_watts = value.watts.count
        unsafe watts = try arena.makeList(
            Bounds.measured(value.watts, by: \.name, "Telemetry.watts"), "Telemetry.watts")
        unsafe power_mode = try arena.text(
            value.powerMode ?? "", .nameOrNone, "Telemetry.powerMode")
        unsafe n_containers = value.containers.count
        unsafe containers = try arena.makeList(
            Bounds.measured(value.containers, by: \.name, "Telemetry.containers"),
            "Telemetry.containers")
        unsafe wall_clock = try arena.make(value.wallClock, "Telemetry.wallClock")
        unsafe n_troubles = value.troubles.count
        unsafe troubles = try arena.makeList(
            Bounds.measured(
                value.troubles, by: \.name, atMost: WireLimits.troubles, "Telemetry.troubles"),
            "Telemetry.troubles")
    }

    func decoded() throws(WireError) -> Telemetry {
        let mode = try unsafe Read.text(power_mode, .nameOrNone, "Telemetry.powerMode")
        return try unsafe Telemetry(
            cpu: Bounds.fraction(Read.optional(cpu), "Telemetry.cpu"),
            gpu: Bounds.fraction(Read.optional(gpu), "Telemetry.gpu"),
            memoryUsed: Read.optional(memory_used),
            memoryTotal: Read.optional(memory_total),
            diskFree: Read.optional(disk_free),
            swapUsed: Read.optional(swap_used),
            swapTotal: Read.optional(swap_total),
            temperature: Bounds.finite(Read.optional(temperature), "Telemetry.temperature"),
            power: Bounds.finite(Read.optional(power), "Telemetry.power"),
            temperatures: Self.named(
                temperatures, n_temperatures, by: \.name, "Telemetry.temperatures"),
            watts: Self.named(watts, n_watts, by: \.name, "Telemetry.watts"),
            powerMode: mode.isEmpty ? nil : mode,
            containers: Self.named(containers, n_containers, by: \.name, "Telemetry.containers"),
            wallClock: Read.optional(wall_clock),
            troubles: Self.named(
                troubles, n_troubles, by: \.name, atMost: WireLimits.troubles,
                "Telemetry.troubles"))
    }

    /// A list whose elements have different names.
    ///
    /// It is counted before it is read: a list of the wire may be far longer.
    private static func named<Element: WireStruct>(
        _ elements: UnsafeMutablePointer<UnsafeMutablePointer<Element>?>?, _ count: Int,
        by name: KeyPath<Element.Value, String>, atMost most: Int = WireLimits.measurements,
        _ field: String
    ) throws(WireError) -> [Element.Value] {
        try Bounds.list(count, of: most, field)
        return try Bounds.measured(
            unsafe Read.list(elements, count, field), by: name, atMost: most, field)
    }
}

extension Jessica__V1__Trouble: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__trouble__init(memory)
    }

    mutating func fill(_ value: Telemetry.Trouble, _ arena: borrowing Arena) throws(WireError) {
        unsafe name = try arena.text(value.name, .name, "Trouble.name")
        unsafe message = try arena.text(value.message, .words, "Trouble.message")
        unsafe action = try arena.text(value.action, .words, "Trouble.action")
    }

    func decoded() throws(WireError) -> Telemetry.Trouble {
        try unsafe Telemetry.Trouble(
            name: Read.text(name, .name, "Trouble.name"),
            message: Read.text(message, .words, "Trouble.message"),
            action: Read.text(action, .words, "Trouble.action"))
    }
}

extension Jessica__V1__ContainerUse: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__container_use__init(memory)
    }

    mutating func fill(
        _ value: Telemetry.ContainerUse, _ arena: borrowing Arena
    ) throws(WireError) {
        unsafe name = try arena.text(value.name, .name, "ContainerUse.name")
        unsafe cpu = try arena.make(
            Bounds.finite(value.cpu, "ContainerUse.cpu"), "ContainerUse.cpu")
        unsafe memory = value.memory
    }

    func decoded() throws(WireError) -> Telemetry.ContainerUse {
        try unsafe Telemetry.ContainerUse(
            name: Read.text(name, .name, "ContainerUse.name"),
            cpu: Bounds.finite(Read.optional(cpu), "ContainerUse.cpu"), memory: memory)
    }
}

extension Jessica__V1__Measurement: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__measurement__init(memory)
    }

    mutating func fill(
        _ value: Telemetry.Measurement, _ arena: borrowing Arena
    ) throws(WireError) {
        unsafe name = try arena.text(value.name, .name, "Measurement.name")
        unsafe self.value = try Bounds.finite(value.value, "Measurement.value")
    }

    func decoded() throws(WireError) -> Telemetry.Measurement {
        try unsafe Telemetry.Measurement(
            name: Read.text(name, .name, "Measurement.name"),
            value: Bounds.finite(value, "Measurement.value"))
    }
}

/// A piece of a log to send, whose bytes stay where they are: they are most of what a link carries.
@unsafe
struct LentLogChunk {
    /// The attempt.
    let key: AttemptKey
    /// Where the piece begins.
    let offset: UInt64
    /// The records, valid while the message is made.
    let text: UnsafeBufferPointer<UInt8>
    /// Whether nothing comes after it.
    let isLast: Bool
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
        unsafe memory.pointee.text = ProtobufCBinaryData(
            len: chunk.text.count, data: UnsafeMutablePointer(mutating: chunk.text.baseAddress))
        unsafe memory.pointee.is_last = chunk.isLast ? 1 : 0
        return unsafe memory
    }

    /// The value, checked.
    func decoded() throws(WireError) -> LogChunk {
        try unsafe LogChunk(
            key: Read.required(key, "LogChunk.key"),
            offset: offset,
            text: Array(Read.bytes(text)), isLast: is_last != 0)
    }
}

extension Jessica__V1__LogKept: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__log_kept__init(memory)
    }
    mutating func fill(_ value: AttemptKey, _ arena: borrowing Arena) throws(WireError) {
        unsafe key = try arena.make(value, "LogKept.key")
    }
    func decoded() throws(WireError) -> AttemptKey { try unsafe Read.required(key, "LogKept.key") }
}

extension Jessica__V1__LogCredit: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__log_credit__init(memory)
    }
    mutating func fill(_ value: UInt32, _ arena: borrowing Arena) { unsafe bytes = value }
    func decoded() -> UInt32 { unsafe bytes }
}
