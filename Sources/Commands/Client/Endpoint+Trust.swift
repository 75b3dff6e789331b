import Foundation
import NIOSSL

extension Endpoint {
    /// Whom to trust over HTTPS: the system's authorities, and the one that is named.
    func trust() throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        guard let file = caFile else { return tls }
        do {
            let authorities = try NIOSSLCertificate.fromPEMFile(file)
            tls.additionalTrustRoots = [.certificates(authorities)]
        } catch {
            throw CommandError.usage(
                "cannot use the certificate authority \(file)",
                why: FileManager.default.fileExists(atPath: file)
                    ? "it holds no PEM certificate" : "there is no such file")
        }
        return tls
    }
}
