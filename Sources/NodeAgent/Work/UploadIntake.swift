import FleetCore
import NIOCore
import Synchronization
import WorkerContracts

/// What is left of the bounds on an attempt's outputs, shared by all files that its worker sends.
final class UploadRoom: Sendable {
    private struct Taken {
        var files = 0
        var bytes: Int64 = 0
    }
    private let bytesMax: Int64
    private let taken = Mutex(Taken())

    init(bytesMax: Int64 = OutputFiles.bytesMax) { self.bytesMax = bytesMax }

    /// Takes the place of a file; false when there is none, or none for so many bytes.
    func takeFile(announced: Int) -> Bool {
        taken.withLock {
            guard $0.files < OutputFiles.filesMax, Int64(announced) <= bytesMax - $0.bytes else {
                return false
            }
            $0.files += 1
            return true
        }
    }

    /// False, and nothing taken, when there is no room for so many bytes.
    func take(_ bytes: Int) -> Bool {
        taken.withLock {
            guard Int64(bytes) <= bytesMax - $0.bytes else { return false }
            $0.bytes += Int64(bytes)
            return true
        }
    }

    /// A file of so many bytes is not kept.
    func giveBack(_ bytes: Int) {
        taken.withLock {
            $0.files -= 1
            $0.bytes -= Int64(bytes)
        }
    }
}

/// Writes one file that a worker sends.
actor UploadIntake: UploadSink {
    private enum State {
        /// Can become: ended.
        case open(AttemptFile)
        case ended(UploadAnswer)
    }
    private let storedName: String
    /// The worker's name for it, for people.
    private let fileName: String
    private let room: UploadRoom
    private let tell: @Sendable (Failure?) -> Void
    private var state: State
    private var received = 0

    /// Its place must have been taken in `room`.
    ///
    /// `tell` hears why it did not get here, or nil when it did.
    init(
        _ file: AttemptFile, as storedName: String, fileName: String, room: UploadRoom,
        tell: @escaping @Sendable (Failure?) -> Void
    ) {
        self.state = .open(file)
        self.storedName = storedName
        self.fileName = fileName
        self.room = room
        self.tell = tell
    }

    func take(_ bytes: ByteBuffer) async {
        guard case .open(let file) = state else { return }
        guard room.take(bytes.readableBytes) else {
            return await fail(file, .tooLarge, .tooManyOutputs)
        }
        received += bytes.readableBytes
        do {
            try await Disk.run { try file.write(bytes) }
        } catch is CancellationError {
            await abandon()
        } catch {
            let failure = Failure(keeping: error)
            await fail(file, failure.code == .diskFull ? .noRoom : .failed, failure)
        }
    }

    func finish() async -> UploadAnswer {
        switch state {
        case .open:
            let answer = UploadAnswer.stored(as: storedName)
            state = .ended(answer)
            tell(nil)
            return answer
        case .ended(let answer): return answer
        }
    }

    func abandon() async {
        guard case .open(let file) = state else { return }
        await fail(
            file, .failed,
            Failure(
                .workFailed,
                "the worker broke off sending \(fileName) after \(received) bytes"))
    }

    private func fail(_ file: AttemptFile, _ answer: UploadAnswer, _ failure: Failure) async {
        state = .ended(answer)
        tell(failure)
        room.giveBack(received)
        let path = file.path
        try? await Disk.run { try Disk.remove(path) }
    }
}

/// Lets a file go that is refused before any of it has come.
struct RefusedUpload: UploadSink {
    let answer: UploadAnswer

    func take(_ bytes: ByteBuffer) async {}
    func finish() async -> UploadAnswer { answer }
    func abandon() async {}
}
