import AsyncHTTPClient
import Crypto
import FleetCore
import Foundation
import Logging
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import WorkerContracts

/// Puts into an input what it refers to: outputs of other jobs, and uploads.
///
/// A text stands in the input as it is, JSON as the value it is. Of any other file a worker gets the
/// bytes in a `data:` URL, or a URL when it is large; a container that runs to its end gets the path of the
/// file.
struct InputResolver: Sendable {
    /// The client for stores.
    let http: @Sendable () throws -> HTTPClient
    /// Asks the controller for the files that a word and the text behind it mean for an attempt, or for the
    /// input itself.
    let find:
        @Sendable (String, String, AttemptKey) async throws -> (
            files: [InputGrant.File], isList: Bool
        )
    let logger: Logger
    /// Gives large files to work that could not have them from where they are.
    var relay: InputRelay?

    /// A text or JSON file that stands in an input itself.
    private static let textBytesMax: UInt64 = 1 << 20
    /// A file whose bytes stand in an input.
    private static let dataBytesMax: UInt64 = 8 << 20
    /// A file that is put into a container.
    private static let fileBytesMax: UInt64 = 128 << 20
    /// How often one file is tried.
    private static let tries = 4
    private static let slowest: UInt64 = 256 << 10
    /// Where a container finds its files.
    static let folder = "/job/inputs"

    /// The input of an attempt, whole; `place` puts a file into the attempt's container, and is nil for work
    /// of a worker.
    ///
    /// Throws `Failure`, `CancellationError`, and what `place` throws.
    func resolve(
        _ order: AttemptOrder, place: ((String, ByteBuffer) async throws -> Void)? = nil
    ) async throws -> [UInt8] {
        let input = try await whole(order)
        // Nearly every input.
        guard input.contains(Self.reference) else { return input }
        let template: InputTemplate
        do {
            template = try InputTemplate(
                input, words: [InputReference.outputKey, InputReference.uploadKey])
        } catch {
            throw Failure(.invalidInput, error.message)
        }
        var room = Room()
        var values: [[UInt8]] = []
        for slot in template.slots {
            let (files, isList) = try await find(slot.word, slot.text, order.key)
            guard isList || files.count == 1 else {
                throw Failure(.inputMissing, "\(slot.text) is \(files.count) files, not one")
            }
            var items: [[UInt8]] = []
            for file in files {
                items.append(try await value(of: file, order.key, &room, place))
            }
            values.append(isList ? InputTemplate.list(items) : items[0])
        }
        return template.filled(with: values)
    }

    /// What every reference has, and few inputs beside.
    private static let reference = Array("\"$".utf8)

    /// The input as it was given, from the object store where the order has not all of it.
    private func whole(_ order: AttemptOrder) async throws -> [UInt8] {
        guard let stored = order.stored else { return Array(order.input.utf8) }
        let (files, _) = try await find(InputReference.storedKey, "input", order.key)
        guard let file = files.first, file.size == UInt64(clamping: stored.size) else {
            throw Failure(.inputMissing, "the input in the object store is not that of the job")
        }
        let bytes = Array((try await fetch(file)).readableBytesView)
        guard SHA256.hash(data: bytes).hexadecimal == stored.digest else {
            throw Failure(.inputMissing, "the input in the object store is not that of the job")
        }
        return bytes
    }

    /// The same for work of a worker; nil when `stop` was set before it was whole.
    func resolve(
        _ order: AttemptOrder, unless stop: Latest<Bool>
    ) async -> Result<[UInt8], Failure>? {
        let found: Result<[UInt8], Failure>? = await withTaskGroup(
            of: Result<[UInt8], Failure>?.self
        ) { group in
            group.addTask {
                do {
                    return .success(try await resolve(order))
                } catch is CancellationError {
                    return nil
                } catch {
                    return .failure(
                        error as? Failure ?? Failure(.inputUnavailable, "\(error)"))
                }
            }
            group.addTask {
                _ = try? await stop.wait { $0 }
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        guard stop.value else { return found }
        // It may have been whole a moment before: nobody else would let go of its files now.
        await relay?.abandon(order.key)
        return nil
    }

    private func value(
        of file: InputGrant.File, _ key: AttemptKey, _ room: inout Room,
        _ place: ((String, ByteBuffer) async throws -> Void)?
    ) async throws -> [UInt8] {
        let type = file.contentType.prefix { $0 != ";" }.lowercased()
        let isText = type.hasPrefix("text/")
        let isJSON = type == "application/json"
        let inPlace = isText || isJSON
        if inPlace, file.size <= Self.textBytesMax, file.size <= room.given {
            room.given -= file.size
            let bytes = Array((try await fetch(file)).readableBytesView)
            if isJSON, InputTemplate.isJSON(bytes) { return bytes }
            return InputTemplate.string(String(decoding: bytes, as: UTF8.self))
        }
        if let place, file.size <= Self.fileBytesMax {
            let path = "\(Self.folder)/\(room.free(file.name))"
            try await place(path, try await fetch(file))
            return InputTemplate.string(path)
        }
        guard place == nil, file.size <= Self.dataBytesMax, file.size <= room.given else {
            return InputTemplate.string(try await url(of: file, key, &room))
        }
        room.given -= file.size
        let bytes = try await fetch(file)
        let base64 = Data(bytes.readableBytesView).base64EncodedString()
        return InputTemplate.string("data:\(type);base64,\(base64)")
    }

    /// Where work can have a file: at its own address, or from us.
    private func url(
        of file: InputGrant.File, _ key: AttemptKey, _ room: inout Room
    ) async throws -> String {
        // The end of a long name tells what the file is.
        let name = room.free(OutputNames.sanitised(String(file.name.suffix(80))))
        let fits = file.size <= room.relayed
        let own = try await relay?.url(insteadOf: file.url, name: name, key) { make in
            guard fits else { throw Failure.tooLargeInput }
            try await tried(file) { body in
                do {
                    try await Self.write(body, to: try await make(), file)
                } catch let error as AgentError {
                    throw Failure(docker: error, otherwise: .inputUnavailable)
                }
            }
        }
        if own != nil { room.relayed -= file.size }
        return own ?? file.url
    }

    private static func write(
        _ body: HTTPClientResponse.Body, to target: AttemptFile, _ file: InputGrant.File
    ) async throws {
        var left = file.size
        for try await piece in body {
            guard piece.readableBytes <= left else {
                throw NotYet(description: "it has more than \(file.size) bytes")
            }
            left -= UInt64(piece.readableBytes)
            try await Disk.run { try target.write(piece) }
        }
        guard left == 0 else { throw NotYet(description: "\(left) bytes of it are missing") }
    }

    private func fetch(_ file: InputGrant.File) async throws -> ByteBuffer {
        try await tried(file) { body in
            // What is longer than it was said to be is another file.
            let bytes = try await body.collect(upTo: Int(clamping: file.size))
            guard bytes.readableBytes == Int(clamping: file.size) else {
                throw NotYet(
                    description: "it has \(bytes.readableBytes) bytes, not \(file.size)")
            }
            return bytes
        }
    }

    /// Asks for a file until it is read.
    private func tried<Value>(
        _ file: InputGrant.File, _ read: (HTTPClientResponse.Body) async throws -> Value
    ) async throws -> Value {
        var why = ""
        var pause = Duration.milliseconds(250)
        for attempt in 1...Self.tries {
            do {
                return try await read(try await get(file))
            } catch let failure as Failure {
                throw failure
            } catch {
                try Task.checkCancellation()
                why = "\(error)"
            }
            logger.notice(
                "input not fetched yet",
                metadata: ["input": "\(file.name)", "try": "\(attempt)", "error": "\(why)"])
            if attempt < Self.tries { try await Task.sleep(for: pause, clock: .continuous) }
            pause = min(pause * 3, .seconds(5))
        }
        throw Failure(.inputUnavailable, "\(file.name) could not be fetched: \(why)")
    }

    /// Why a file was not had this time.
    private struct NotYet: Error, CustomStringConvertible {
        let description: String
    }

    private func get(_ file: InputGrant.File) async throws -> HTTPClientResponse.Body {
        guard file.url.hasPrefix("https://") || file.url.hasPrefix("http://") else {
            throw Failure(.inputMissing, "the address of \(file.name) is no web address")
        }
        var request = HTTPClientRequest(url: file.url)
        for header in file.headers { request.headers.add(name: header.name, value: header.value) }
        let seconds = Int64(clamping: 60 + file.size / Self.slowest)
        let response = try await http().execute(request, timeout: .seconds(seconds))
        switch response.status.code {
        case 200..<300: return response.body
        case 404: throw Failure(.inputMissing, "\(file.name) is not in the object store any more")
        default: throw NotYet(description: "the store answered \(response.status.code)")
        }
    }
}

extension InputResolver {
    /// What is left of the bounds on the files of one input.
    private struct Room {
        /// Bytes of all files that are given with it.
        var given: UInt64 = 32 << 20
        /// Bytes of all files that we keep for its work to fetch.
        var relayed = UInt64(OutputFiles.bytesMax)
        private var names: Set<String> = []

        /// The file's name, or one like it that is not taken.
        mutating func free(_ name: String) -> String {
            var free = name
            var number = 1
            while !names.insert(free).inserted {
                number += 1
                free = "\(number)-\(name)"
            }
            return free
        }
    }
}

extension Failure {
    /// An input has more large files than a node keeps for an attempt.
    fileprivate static var tooLargeInput: Failure {
        Failure(
            .invalidInput,
            "the large files of the input are too many: at most \(OutputFiles.bytesMax >> 30) GiB "
                + "in all are kept for a worker")
    }
}
