import CFleetMessages
import CProtobufC

/// A message as C structs, and the memory they live in, which is freed with it.
@safe
struct Unpacked<Root>: ~Copyable {
    private let arena: Arena
    private let root: UnsafeMutablePointer<Root>

    /// The generated function that turns bytes into structs.
    typealias Unpack = (
        UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?
    ) -> UnsafeMutablePointer<Root>?

    /// Unpacks `bytes`; the structs hold copies.
    init(_ bytes: [UInt8], _ name: String, _ unpack: Unpack) throws(WireError) {
        guard bytes.count <= WireLimits.message else {
            throw WireError(
                .messageTooLarge, name,
                "the message has \(bytes.count) bytes, at most \(WireLimits.message) are allowed")
        }
        let arena = Arena(expecting: bytes.count)
        let root = unsafe arena.withAllocator { allocator in
            unsafe bytes.withUnsafeBufferPointer { bytes in
                unsafe unpack(allocator, bytes.count, bytes.baseAddress)
            }
        }
        guard let root = unsafe root else {
            throw WireError(.malformed, name, "the bytes are no message of this kind")
        }
        self.arena = arena
        unsafe self.root = root
    }

    /// Reads the message; nothing of the struct may leave `body`.
    borrowing func read<R>(
        _ body: (Root) throws(WireError) -> R
    ) throws(WireError) -> R {
        try withExtendedLifetime(arena) { () throws(WireError) -> R in
            try unsafe body(root.pointee)
        }
    }
}
