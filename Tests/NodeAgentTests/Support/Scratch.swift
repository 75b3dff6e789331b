import Foundation
import Logging

@testable import NodeAgent

/// Runs a body with a new empty folder that is removed afterwards.
@discardableResult
func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = "/tmp/jna-\(UInt64.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

/// A logger that writes nothing, or everything with JESSICA_TEST_LOG set.
var quiet: Logger {
    guard ProcessInfo.processInfo.environment["JESSICA_TEST_LOG"] != nil else {
        return Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    }
    var logger = Logger(label: "test")
    logger.logLevel = .debug
    return logger
}

/// Events that were posted, in order.
final class Posted<Item: Sendable>: Sendable {
    private let mailbox = Mailbox<Item>()

    func post(_ item: Item) { mailbox.post(item) }
    func all() -> [Item] { mailbox.takeAll() }
}

/// What a test waited for did not come.
struct Timeout: Error, CustomStringConvertible {
    let description: String
}
