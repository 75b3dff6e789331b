import FleetLink
import Foundation

/// An authority, a controller and a node, made with the `openssl` command.
struct Certificates: Sendable {
    let folder: String

    init(folder: String) throws {
        self.folder = folder
        try runScript(
            """
            set -eu
            mkdir -p \(folder); cd \(folder)
            key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
            openssl req -x509 $key -keyout ca.key -out ca.crt -subj /CN=ca -days 30 \
                -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
            leaf() {
                openssl req -new $key -keyout $1.key -out $1.csr -subj "/CN=$2"
                printf '%s\\n' "$3" >$1.ext
                openssl x509 -req -in $1.csr -CA ca.crt -CAkey ca.key -days 30 \
                    -set_serial 0x$(openssl rand -hex 15) -extfile $1.ext -out $1.crt
            }
            leaf server spark subjectAltName=DNS:spark.test
            leaf node agx-01 extendedKeyUsage=clientAuth
            """)
    }

    func serverContext() throws -> TLSContext {
        func text(_ name: String) throws -> String {
            try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
        }
        return try TLSContext(
            role: .server, caBundle: text("ca.crt"), certificateChain: text("server.crt"),
            privateKey: text("server.key"))
    }
}
