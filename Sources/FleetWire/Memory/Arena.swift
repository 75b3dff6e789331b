import CFleetMessages
import CProtobufC

/// The memory of one message's C structs, all freed at once, up to `WireLimits.memory`.
///
/// The C library allocates from it as well. Nothing is freed singly, so what the library does with
/// a damaged message can neither leak nor free twice.
@safe
struct Arena: ~Copyable {
    private let state: UnsafeMutablePointer<ArenaState>

    /// Creates an empty arena whose first chunk suits a message of `bytes` bytes.
    init(expecting bytes: Int) {
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: ArenaState(expecting: bytes))
    }

    deinit {
        unsafe state.pointee.freeAll()
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    /// Counts `count` more elements of lists; false when they are too many for one message.
    borrowing func countElements(_ count: Int) -> Bool {
        unsafe state.pointee.countElements(count)
    }

    /// Uninitialized memory for `count` values; they must be trivial, for nothing deinitializes them.
    borrowing func allocate<T>(
        _ type: T.Type, count: Int, _ field: String
    ) throws(WireError) -> UnsafeMutablePointer<T> {
        let (size, overflow) = MemoryLayout<T>.stride.multipliedReportingOverflow(by: count)
        guard !overflow, let memory = unsafe state.pointee.allocate(size) else {
            throw WireError(.messageTooLarge, field, "the message would be far too large")
        }
        return unsafe memory.bindMemory(to: type, capacity: count)
    }

    /// Lends the arena to the C library as its allocator.
    borrowing func withAllocator<R>(
        _ body: (UnsafeMutablePointer<ProtobufCAllocator>) -> R
    ) -> R {
        var allocator = unsafe ProtobufCAllocator(
            alloc: { state, size in
                guard let state = unsafe state, size <= WireLimits.memory else { return nil }
                return unsafe state.assumingMemoryBound(to: ArenaState.self).pointee.allocate(
                    Int(size))
            },
            free: { _, _ in },
            allocator_data: state)
        return unsafe withUnsafeMutablePointer(to: &allocator, body)
    }
}

/// What an arena knows of its chunks; it stays at one address, which the C library is told.
@unsafe
private struct ArenaState {
    /// The newest chunk; its first word points to the one before it.
    private var newest: UnsafeMutableRawPointer?
    /// Where the next piece begins.
    private var next: UnsafeMutableRawPointer?
    /// The bytes left in the newest chunk.
    private var room = 0
    /// The bytes that may still be taken from the system.
    private var budget = WireLimits.memory
    /// The size of the next chunk.
    private var chunk: Int
    /// The elements of lists so far.
    private var elements = 0

    /// Every piece begins at a multiple of this, as with malloc; also the size of a chunk's head.
    private static let alignment = 16

    init(expecting bytes: Int) {
        // The structs and texts of a usual message are about twice its size.
        unsafe chunk = 1024 + 2 * min(max(bytes, 0), WireLimits.message)
    }

    mutating func countElements(_ count: Int) -> Bool {
        guard unsafe count <= WireLimits.elements - elements else { return false }
        unsafe elements += count
        return true
    }

    mutating func allocate(_ wanted: Int) -> UnsafeMutableRawPointer? {
        guard wanted >= 0, wanted <= WireLimits.memory else { return nil }
        let size = unsafe (wanted + Self.alignment - 1) & ~(Self.alignment - 1)
        if unsafe size > room || next == nil {
            guard unsafe addChunk(for: size) else { return nil }
        }
        let piece = unsafe next
        unsafe next = next?.advanced(by: size)
        unsafe room -= size
        return unsafe piece
    }

    private mutating func addChunk(for size: Int) -> Bool {
        let needed = unsafe size + Self.alignment
        guard unsafe needed <= budget else { return false }
        let total = unsafe min(max(needed, chunk), budget)
        let memory = unsafe UnsafeMutableRawPointer.allocate(
            byteCount: total, alignment: Self.alignment)
        unsafe memory.storeBytes(of: newest, as: UnsafeMutableRawPointer?.self)
        unsafe newest = memory
        unsafe next = memory.advanced(by: Self.alignment)
        unsafe room = total - Self.alignment
        unsafe budget -= total
        unsafe chunk = min(2 * total, 1 << 20)
        return true
    }

    mutating func freeAll() {
        while let chunk = unsafe newest {
            unsafe newest = chunk.load(as: UnsafeMutableRawPointer?.self)
            unsafe chunk.deallocate()
        }
    }
}
