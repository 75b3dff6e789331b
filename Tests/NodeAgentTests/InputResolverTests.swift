import AsyncHTTPClient
import FleetCore
import Foundation
import Logging
import NIOCore
import Synchronization
import Testing

@testable import NodeAgent

extension InputResolver {
    /// For work whose input refers to nothing.
    static var none: InputResolver {
        InputResolver(
            http: .shared, find: { _, _, _ in throw Failure(.inputMissing, "nothing is there") },
            logger: quiet)
    }
}
