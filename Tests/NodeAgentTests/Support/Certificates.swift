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
            openssl x509 -in ca.crt -noout -pubkey | openssl pkey -pubin -outform DER \
                | sha256sum | cut -c 1-64 | tr -d '\\n' >ca.digest
            """)
    }

    /// The fingerprint of the authority.
    func fingerprint() throws -> String { try "SHA256:" + text("ca.digest") }

    /// A node's certificate for a public key, as a controller issues it; both PEM.
    func issue(_ node: String, for key: String) throws -> String {
        let name = "issued-\(UInt64.random(in: 0 ... .max))"
        try key.write(toFile: "\(folder)/\(name).pub", atomically: true, encoding: .utf8)
        try runScript(
            """
            set -eu
            cd \(folder)
            printf 'extendedKeyUsage=clientAuth\\n' >\(name).ext
            openssl req -new -key node.key -subj /CN=\(node) -out \(name).csr
            openssl x509 -req -in \(name).csr -force_pubkey \(name).pub -CA ca.crt -CAkey ca.key \
                -days 60 -set_serial 0x$(openssl rand -hex 15) -extfile \(name).ext -out \(name).crt
            """)
        return try text(name + ".crt")
    }

    /// What one of the files holds.
    func text(_ name: String) throws -> String {
        try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
    }

    func serverContext() throws -> TLSContext {
        try TLSContext(
            role: .server, caBundle: text("ca.crt"), certificateChain: text("server.crt"),
            privateKey: text("server.key"))
    }
}
