import CFleetMessages
import CProtobufC
import FleetCore

// The messages that begin, keep and end a session.

extension Jessica__V1__Hello: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__hello__init(memory)
    }

    mutating func fill(_ value: Hello, _ arena: borrowing Arena) throws(WireError) {
        unsafe node = try arena.text(value.node.rawValue, .name, "Hello.node")
        unsafe incarnation = try arena.make(value.incarnation, "Hello.incarnation")
        unsafe version = try arena.text(value.version, .text, "Hello.version")
        unsafe protocol_version = value.protocolVersion
        unsafe term = value.term
        unsafe processors = value.processors
        unsafe memory = value.memory
        unsafe n_attempts = value.attempts.count
        unsafe attempts = try arena.makeList(value.attempts, "Hello.attempts")
    }

    func decoded() throws(WireError) -> Hello {
        try unsafe Hello(
            node: NodeName(Read.text(node, .name, "Hello.node")),
            incarnation: Read.required(incarnation, "Hello.incarnation"),
            version: Read.text(version, .text, "Hello.version"),
            protocolVersion: protocol_version,
            term: term,
            processors: processors,
            memory: memory,
            attempts: Read.list(attempts, n_attempts, "Hello.attempts"))
    }
}

extension Jessica__V1__Incarnation: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__incarnation__init(memory)
    }

    mutating func fill(_ value: Incarnation, _ arena: borrowing Arena) throws(WireError) {
        unsafe boot = try arena.text(value.boot, .name, "Incarnation.boot")
        unsafe starts = value.starts
    }

    func decoded() throws(WireError) -> Incarnation {
        try unsafe Incarnation(
            boot: Read.text(boot, .name, "Incarnation.boot"), starts: starts)
    }
}

extension Jessica__V1__Welcome: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__welcome__init(memory)
    }

    mutating func fill(_ value: Welcome, _ arena: borrowing Arena) throws(WireError) {
        unsafe session = value.session.value
        unsafe term = value.term
        unsafe fleet = try arena.text(value.fleet, .name, "Welcome.fleet")
        unsafe heartbeat_nanoseconds = try Bounds.nanoseconds(
            value.heartbeat, "Welcome.heartbeat")
        unsafe stop_after_nanoseconds = try Bounds.nanoseconds(
            value.stopAfter, "Welcome.stopAfter")
        unsafe has_former_life = value.hasFormerLife ? 1 : 0
    }

    func decoded() throws(WireError) -> Welcome {
        try unsafe Welcome(
            session: SessionID(session),
            term: term,
            fleet: Read.text(fleet, .name, "Welcome.fleet"),
            heartbeat: Bounds.duration(heartbeat_nanoseconds, "Welcome.heartbeat"),
            stopAfter: Bounds.duration(stop_after_nanoseconds, "Welcome.stopAfter"),
            hasFormerLife: has_former_life != 0)
    }
}

extension Jessica__V1__Heartbeat: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__heartbeat__init(memory)
    }
    mutating func fill(_ value: UInt64, _ arena: borrowing Arena) { unsafe sequence = value }
    func decoded() -> UInt64 { unsafe sequence }
}

extension Jessica__V1__Renewed: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__renewed__init(memory)
    }
    mutating func fill(_ value: UInt64, _ arena: borrowing Arena) { unsafe sequence = value }
    func decoded() -> UInt64 { unsafe sequence }
}

extension Jessica__V1__Goodbye: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__goodbye__init(memory)
    }
    mutating func fill(
        _ value: (reason: String, isVoid: Bool), _ arena: borrowing Arena
    ) throws(WireError) {
        unsafe reason = try arena.text(value.reason, .words, "Goodbye.reason")
        unsafe certificate_void = value.isVoid ? 1 : 0
    }
    func decoded() throws(WireError) -> (reason: String, isVoid: Bool) {
        (try unsafe Read.text(reason, .words, "Goodbye.reason"), unsafe certificate_void != 0)
    }
}
