import FleetLink
import Foundation
import Testing

/// A small PKI made once per test run with the `openssl` command.
struct Certificates: Sendable {
    struct Pair: Sendable {
        let chain: String
        let key: String
        let chainFile: String
        let keyFile: String
    }

    let directory: String
    let ca: Pair
    let otherCA: Pair
    let server: Pair
    let renewedServer: Pair
    let node: Pair
    let strangerNode: Pair
    let strangerServer: Pair
    let expiredNode: Pair
    /// Issued by an intermediate; the chain holds both.
    let chainedNode: Pair
    let oddNode: Pair

    private static let made = Result { try Certificates() }

    static func shared() throws -> Certificates { try made.get() }

    func serverContext(ca: Pair? = nil, _ own: Pair? = nil, alpn: String? = nil) throws
        -> TLSContext
    {
        let own = own ?? server
        return try TLSContext(
            role: .server, caBundle: (ca ?? self.ca).chain, certificateChain: own.chain,
            privateKey: own.key, applicationProtocol: alpn ?? TLSContext.defaultProtocol)
    }

    func clientContext(ca: Pair? = nil, _ own: Pair? = nil, alpn: String? = nil) throws
        -> TLSContext
    {
        let own = own ?? node
        return try TLSContext(
            role: .client, caBundle: (ca ?? self.ca).chain, certificateChain: own.chain,
            privateKey: own.key, applicationProtocol: alpn ?? TLSContext.defaultProtocol)
    }

    private init() throws {
        let base = FileManager.default.temporaryDirectory
            .appendingPathComponent("fleet-link-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)
        let script = base + "/make.sh"
        try Self.script.write(toFile: script, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-eu", script]
        process.currentDirectoryURL = URL(fileURLWithPath: base)
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "the openssl command failed")
        func pair(_ name: String) throws -> Pair {
            let chain = "\(base)/\(name).pem"
            let key = "\(base)/\(name).key"
            return Pair(
                chain: try String(contentsOfFile: chain, encoding: .utf8),
                key: try String(contentsOfFile: key, encoding: .utf8),
                chainFile: chain, keyFile: key)
        }
        directory = base
        ca = try pair("ca")
        otherCA = try pair("other")
        server = try pair("server")
        renewedServer = try pair("renewed")
        node = try pair("node")
        strangerNode = try pair("stranger")
        strangerServer = try pair("strangeserver")
        expiredNode = try pair("expired")
        chainedNode = try pair("chained")
        oddNode = try pair("odd")
    }

    private static let script = #"""
        key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
        root() { # name
            openssl req -x509 $key -keyout $1.key -out $1.pem -subj /CN=$1 -days 30 \
                -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
        }
        leaf() { # name issuer days subject extensions...
            name=$1 issuer=$2 days=$3 subject=$4; shift 4
            openssl req -new $key -keyout $name.key -out $name.csr -subj "$subject"
            printf '%s\n' "$@" > $name.ext
            openssl x509 -req -in $name.csr -CA $issuer.pem -CAkey $issuer.key -days $days \
                -set_serial 0x$(openssl rand -hex 15) -extfile $name.ext -out $name.pem
        }
        server='subjectAltName=DNS:spark.test,IP:127.0.0.1'
        root ca
        root other
        leaf server ca 30 /CN=spark extendedKeyUsage=serverAuth $server
        leaf renewed ca 30 /CN=spark extendedKeyUsage=serverAuth $server
        leaf strangeserver other 30 /CN=spark extendedKeyUsage=serverAuth $server
        agent=extendedKeyUsage=clientAuth
        leaf node ca 30 /CN=agx-01 $agent \
            subjectAltName=URI:spiffe://fleet/node/agx-01,DNS:agx-01.fleet,URI:urn:second
        leaf stranger other 30 /CN=agx-01 $agent subjectAltName=URI:spiffe://fleet/node/agx-01
        leaf expired ca -1 /CN=agx-01 $agent subjectAltName=URI:spiffe://fleet/node/agx-01
        leaf issuing ca 30 /CN=issuing basicConstraints=critical,CA:TRUE,pathlen:0 \
            keyUsage=critical,keyCertSign
        leaf chained issuing 30 /CN=agx-02 $agent
        cat issuing.pem >> chained.pem
        leaf odd ca 30 "/CN=agx-01/CN=agx-02" $agent
        """#
}
