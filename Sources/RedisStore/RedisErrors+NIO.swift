import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The text of an error number, such as "Connection refused".
func errnoText(_ code: CInt) -> String {
    var buffer = [CChar](repeating: 0, count: 128)
    guard unsafe strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}

/// The reason of a network error, in words for a person.
func describe(_ error: any Error) -> String {
    switch error {
    case let error as RedisStoreError: error.message
    case let error as IOError: errnoText(error.errnoCode)
    case let error as NIOConnectionError:
        error.connectionErrors.first.map { describe($0.error) } ?? "\(error.host) was not found"
    case ChannelError.connectTimeout: "connecting timed out"
    case ChannelError.alreadyClosed, ChannelError.ioOnClosedChannel: "the connection is closed"
    case is CancellationError: "cancelled"
    default: String(describing: error)
    }
}

extension EventLoopFuture {
    /// Waits for the value; every error that is not already one of ours has an unknown outcome.
    func value() async throws(RedisStoreError) -> Value where Value: Sendable {
        do {
            return try await get()
        } catch let error as RedisStoreError {
            throw error
        } catch {
            throw RedisStoreError(.unavailable(outcomeUnknown: true), describe(error))
        }
    }
}

extension TimeAmount {
    /// A duration as the event loops count it; at most about 292 years, never negative.
    init(clamping duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let whole = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let sum = whole.partialValue.addingReportingOverflow(attoseconds / 1_000_000_000)
        let overflow = whole.overflow || sum.overflow
        self = .nanoseconds(overflow ? (seconds < 0 ? 0 : .max / 2) : max(0, sum.partialValue))
    }
}
