/// A generated C struct that carries a value of the core.
protocol WireStruct {
    /// What it carries.
    associatedtype Value
    /// Fills the memory of one struct with its defaults.
    static func initialize(_ memory: UnsafeMutablePointer<Self>)
    /// Puts `value` into the struct; texts and lists go into the arena.
    mutating func fill(_ value: Value, _ arena: borrowing Arena) throws(WireError)
    /// The value, checked; it holds copies of everything.
    func decoded() throws(WireError) -> Value
}

extension Arena {
    /// A struct that carries `value`; nil for nil.
    borrowing func make<S: WireStruct>(
        _ value: S.Value?, as type: S.Type = S.self, _ field: String
    ) throws(WireError) -> UnsafeMutablePointer<S>? {
        guard let value else { return nil }
        let memory = try unsafe allocate(type, count: 1, field)
        unsafe S.initialize(memory)
        try unsafe memory.pointee.fill(value, self)
        return unsafe memory
    }

    /// The structs that carry `values`; nil for an empty list.
    borrowing func makeList<S: WireStruct>(
        _ values: [S.Value], as type: S.Type = S.self, _ field: String
    ) throws(WireError) -> UnsafeMutablePointer<UnsafeMutablePointer<S>?>? {
        guard try countList(values.count, field) else { return nil }
        let list = try unsafe allocate(
            UnsafeMutablePointer<S>?.self, count: values.count, field)
        for (index, value) in values.enumerated() {
            unsafe list[index] = try make(value, field)
        }
        return unsafe list
    }

    /// Counts a list; false when it is empty.
    borrowing func countList(_ count: Int, _ field: String) throws(WireError) -> Bool {
        try Bounds.list(count, field)
        guard countElements(count) else {
            throw WireError(
                .tooMany, field,
                "with this list the message has more than \(WireLimits.elements) elements")
        }
        return count > 0
    }
}

/// Reads parts of a message out of its C structs.
enum Read {
    /// The part; an error when it is absent.
    static func required<S: WireStruct>(
        _ part: UnsafeMutablePointer<S>?, _ field: String
    ) throws(WireError) -> S.Value {
        guard let part = unsafe part else {
            throw WireError(.missing, field, "it is required")
        }
        return try unsafe part.pointee.decoded()
    }

    /// The part; nil when it is absent.
    static func optional<S: WireStruct>(
        _ part: UnsafeMutablePointer<S>?
    ) throws(WireError) -> S.Value? {
        guard let part = unsafe part else { return nil }
        return try unsafe part.pointee.decoded()
    }

    /// The elements of a list.
    static func list<S: WireStruct>(
        _ elements: UnsafeMutablePointer<UnsafeMutablePointer<S>?>?, _ count: Int, _ field: String
    ) throws(WireError) -> [S.Value] {
        try Bounds.list(count, field)
        guard count > 0, let elements = unsafe elements else { return [] }
        var values: [S.Value] = []
        values.reserveCapacity(count)
        for index in 0..<count {
            values.append(try unsafe required(elements[index], field))
        }
        return values
    }
}
