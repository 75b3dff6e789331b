import FleetCore
import NIOCore
import ObjectStore

/// Reads a log from a place on, wherever it is: on the disk while it grows, in the object store later.
struct LogReader {
    let key: AttemptKey
    let store: LogStore
    let objects: any ObjectStore
    let clock: AnchoredClock
    /// Whether the attempt has ended: a log of which nothing is here may be one that another leader moved.
    let isOver: Bool
    /// Where what is read next begins in the log.
    private(set) var offset: UInt64
    private var place: LogFiles.Place?
    private var object: Object?

    /// A log in the object store, being read.
    private struct Object {
        /// What was read so far, in bytes of the object and of the log.
        var byte = 0
        var offset: UInt64 = 0
        var size = 1
    }

    /// Bytes read at a time; more than the longest record.
    private static let pieceBytes = 1 << 20

    init(
        _ key: AttemptKey, store: LogStore, objects: any ObjectStore, clock: AnchoredClock,
        from offset: UInt64, isOver: Bool = false
    ) {
        self.key = key
        self.store = store
        self.objects = objects
        self.clock = clock
        self.offset = offset
        self.isOver = isOver
    }

    /// The next records; nil when there are no more so far.
    ///
    /// - Throws: `ObjectStoreError`, or why the disk cannot be read.
    mutating func next() async throws -> [UInt8]? {
        while true {
            if object != nil {
                guard let (text, at) = try await nextOfObject() else { return nil }
                if let fresh = try take(text, at) { return fresh }
                continue
            }
            switch try await store.read(key, from: place, or: offset, now: clock.now) {
            case .end: return nil
            case .text(let text, let at, let next):
                place = next
                if let fresh = try take(text, at) { return fresh }
            case .moved: object = Object()
            case .nothing:
                guard isOver else { return nil }
                object = Object()
            }
        }
    }

    /// What of a text has not been read; nil when all has been.
    private mutating func take(_ text: [UInt8], _ at: UInt64) throws -> [UInt8]? {
        let part = try LogText.part(behind: offset, of: text, at: at)
        offset = max(offset, part.end)
        return part.text.isEmpty ? nil : part.text
    }

    /// The next piece of the log in the object store; nil at its end, also when its time is over.
    private mutating func nextOfObject() async throws(ObjectStoreError) -> ([UInt8], UInt64)? {
        guard var object, object.byte < object.size else { return nil }
        var text: [UInt8]
        do {
            let stored = try await objects.get(
                try ObjectLayout.log(job: key.job.rawValue, attempt: key.number),
                range: .from(object.byte, through: object.byte + Self.pieceBytes - 1))
            object.size = stored.info.size
            text = Array(try await stored.body.collect(limit: Self.pieceBytes).readableBytesView)
        } catch {
            guard error.code == .notFound else { throw error }
            // Its last pieces may still come here.
            self.object = nil
            return nil
        }
        text.removeLast(text.count - (text.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0))
        let at = object.offset
        guard let end = try? LogText.part(behind: .max, of: text, at: at).end, !text.isEmpty else {
            throw ObjectStoreError(.badResponse, "The object of a log is no log.")
        }
        object.byte += text.count
        object.offset = end
        self.object = object
        return (text, at)
    }
}
