import Crypto
import Foundation

extension SHA256.Digest {
    /// Two lower-case hexadecimal digits for each byte, as the controller writes digests.
    var hexadecimal: String { map { String(format: "%02x", $0) }.joined() }
}
