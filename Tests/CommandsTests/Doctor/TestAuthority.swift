import Foundation
import NIOSSL

/// An authority and a server's certificate of it, made with the `openssl` command.
struct TestAuthority {
    /// The file of the authority's certificate.
    let file: String
    private let folder: String

    /// Makes them in a folder; `names` are the server's, as `DNS:spark,IP:127.0.0.1`.
    init(in folder: String, for names: String) throws {
        self.folder = folder
        file = folder + "/ca.crt"
        let script = """
            set -eu
            mkdir -p \(folder); cd \(folder)
            key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
            openssl req -x509 $key -keyout ca.key -out ca.crt -subj /CN=ca -days 30 \
                -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
            openssl req -new $key -keyout server.key -out server.csr -subj /CN=server
            printf 'subjectAltName=\(names)\\n' >server.ext
            openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -days 30 \
                -set_serial 7 -extfile server.ext -out server.crt
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failed() }
    }

    /// openssl could not do it.
    struct Failed: Error {}

    /// What a server with that certificate needs.
    func server() throws -> NIOSSLContext {
        try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: NIOSSLCertificate.fromPEMFile(folder + "/server.crt")
                    .map { .certificate($0) },
                privateKey: .privateKey(
                    NIOSSLPrivateKey(file: folder + "/server.key", format: .pem))))
    }
}
