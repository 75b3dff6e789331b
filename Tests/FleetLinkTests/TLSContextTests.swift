import FleetLink
import Foundation
import Testing

@Suite struct TLSContextTests {
    let certificates: Certificates

    init() throws { certificates = try Certificates.shared() }

    private func code(_ make: () throws -> TLSContext) -> LinkError? {
        do {
            _ = try make()
            return nil
        } catch { return error as? LinkError }
    }

    @Test func aGoodSetIsTaken() throws {
        _ = try certificates.serverContext()
        _ = try certificates.clientContext(certificates.chainedNode)
    }

    @Test func itIsToldWhetherOnesOwnIsOfTheAuthority() throws {
        // That one has ended is another matter.
        let ours = [certificates.node, certificates.chainedNode, certificates.expiredNode]
        for own in ours {
            #expect(try certificates.clientContext(own).trustsOwnCertificate)
        }
        #expect(try !certificates.clientContext(certificates.strangerNode).trustsOwnCertificate)
        let other = try certificates.clientContext(ca: certificates.otherCA, certificates.node)
        #expect(!other.trustsOwnCertificate)
    }

    @Test func aKeyOfAnotherCertificateIsNamed() {
        let error = code {
            try TLSContext(
                role: .server, caBundle: certificates.ca.chain,
                certificateChain: certificates.server.chain, privateKey: certificates.node.key)
        }
        #expect(error?.code == .keyMismatch)
    }

    @Test(arguments: [
        "", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ])
    func badPEMIsNamed(text: String) {
        let ca = certificates.ca.chain
        let own = certificates.server
        let inBundle = code {
            try TLSContext(
                role: .server, caBundle: text, certificateChain: own.chain, privateKey: own.key)
        }
        #expect(inBundle?.code == .invalidPEM)
        #expect(inBundle?.message.contains("CA bundle") == true)
        let inChain = code {
            try TLSContext(role: .server, caBundle: ca, certificateChain: text, privateKey: own.key)
        }
        #expect(inChain?.code == .invalidPEM)
        #expect(inChain?.message.contains("certificate chain") == true)
        let inKey = code {
            try TLSContext(
                role: .server, caBundle: ca, certificateChain: own.chain, privateKey: text)
        }
        #expect(inKey?.code == .invalidPEM)
        #expect(inKey?.message.contains("private key") == true)
    }

    @Test func aBrokenSecondCertificateIsNotIgnored() {
        let bundle = certificates.ca.chain + "-----BEGIN CERTIFICATE-----\n!!\n"
        let error = code {
            try TLSContext(
                role: .server, caBundle: bundle, certificateChain: certificates.server.chain,
                privateKey: certificates.server.key)
        }
        #expect(error?.code == .invalidPEM)
        #expect(error?.message.contains("certificate 2") == true)
    }

    @Test func anEncryptedKeyIsRefusedWithoutAsking() async throws {
        let file = certificates.directory + "/encrypted.key"
        let status = try await openssl([
            "ec", "-in", certificates.server.keyFile, "-aes256", "-passout", "pass:secret",
            "-out", file,
        ])
        #expect(status == 0)
        let key = try String(contentsOfFile: file, encoding: .utf8)
        let error = code {
            try TLSContext(
                role: .server, caBundle: certificates.ca.chain,
                certificateChain: certificates.server.chain, privateKey: key)
        }
        #expect(error?.code == .invalidPEM)
    }
}
