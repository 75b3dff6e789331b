import AsyncHTTPClient
import NIOCore
import NIOSSL
import Synchronization

/// The client for the stores where inputs and outputs lie.
///
/// Made when it is first needed: a node that is not admitted yet does not know the fleet's authority.
final class StoreClient: Sendable {
    private let identity: Identity
    private let made = Mutex<HTTPClient?>(nil)

    init(identity: Identity) { self.identity = identity }

    /// The client, the same each time.
    func client() throws -> HTTPClient {
        try made.withLock { made in
            if let made { return made }
            let client = HTTPClient(configuration: try configuration())
            made = client
            return client
        }
    }

    /// Ends what was made; nobody asks for it any more.
    func shutdown() async {
        guard let client = made.withLock({ $0 }) else { return }
        try? await client.shutdown()
    }

    private func configuration() throws -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: .seconds(5), read: .seconds(120))
        configuration.httpVersion = .http1Only
        configuration.tlsConfiguration = .makeClientConfiguration()
        configuration.tlsConfiguration?.additionalTrustRoots = [try identity.trustRoots()]
        return configuration
    }
}
