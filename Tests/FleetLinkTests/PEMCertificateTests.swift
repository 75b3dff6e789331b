import Foundation
import Testing

@testable import FleetLink

@Suite struct PEMCertificateTests {
    @Test func everyCertificateOfATextIsRead() throws {
        let certificates = try Certificates.shared()
        let found = try PEMCertificate.all(in: certificates.chainedNode.chain)
        #expect(found.map(\.identity.commonName) == ["agx-02", "issuing"])
        #expect(Set(found.map(\.publicKey)).count == 2)
        for certificate in found {
            let age = Int64(Date().timeIntervalSince1970) - certificate.notBefore
            #expect((0...3_600).contains(age))
            let days = (certificate.identity.notAfter - certificate.notBefore + 60) / 86_400
            #expect(days == 30)
        }
    }

    @Test func theBytesAreTheWholeCertificate() throws {
        let node = try Certificates.shared().node
        let whole = try PEMCertificate.all(in: node.chain)
        // What is written anew from its bytes is the same certificate.
        let lines = Data(whole[0].der).base64EncodedString(options: .lineLength64Characters)
        let again = "-----BEGIN CERTIFICATE-----\n\(lines)\n-----END CERTIFICATE-----\n"
        #expect(try PEMCertificate.all(in: again) == whole)
    }

    @Test func whoHasSignedItselfIsKnown() throws {
        let certificates = try Certificates.shared()
        #expect(try PEMCertificate.all(in: certificates.ca.chain).map(\.isSelfSigned) == [true])
        let chain = try PEMCertificate.all(in: certificates.chainedNode.chain)
        #expect(chain.map(\.isSelfSigned) == [false, false])
    }

    @Test func whatIsNoCertificateIsRefused() throws {
        let key = try Certificates.shared().node.key
        for text in ["", "certificate", key] {
            let error = #expect(throws: LinkError.self) { try PEMCertificate.all(in: text) }
            #expect(error?.code == .invalidPEM)
        }
    }
}
