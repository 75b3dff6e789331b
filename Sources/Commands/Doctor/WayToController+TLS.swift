import Foundation
import NIOCore
import NIOSSL

/// The step from a connection to one that can be trusted.
extension WayToController {
    /// Whose certificate is shown, whether it is trusted, and whether anybody answers then.
    func secure(_ place: Place, _ trial: TrialConnection) async throws -> [Finding] {
        let trusting = try Self.context(try endpoint.trust())
        let shown = try await greet(place, trial)
        guard case .certificate(let certificate)? = shown else { return [noTLS(shown)] }
        let about = about(certificate)
        if let finding = untimely(certificate, about) { return [finding] }
        let name = place.isAddress ? nil : place.host
        let heard = await trial.say(Self.question) { pipeline, _ in
            try pipeline.addHandler(NIOSSLClientHandler(context: trusting, serverHostname: name))
        }
        guard case .failure(let error)? = heard else { return [trusted(about), api(heard)] }
        if (error as? NIOSSLExtraError) == .failedToValidateHostname {
            return [
                failed(
                    "certificate", "\(about), and not for \(place.host)",
                    "use one of these names, or add \(place.host) to `server_names` in controller.yaml and restart the controller"
                )
            ]
        }
        if case .handshakeFailed? = error as? NIOSSLError { return [untrusted(about)] }
        return [trusted(about), api(heard)]
    }

    /// The certificate, whoever it is of; nothing is said to its owner.
    private func greet(_ place: Place, _ trial: TrialConnection) async throws -> Heard? {
        let context = try Self.context(.makeClientConfiguration())
        let name = place.isAddress ? nil : place.host
        return await trial.greet { pipeline, out in
            try pipeline.addHandler(
                NIOSSLClientHandler(
                    context: context, serverHostname: name,
                    customVerificationCallback: { chain, promise in
                        if let own = chain.first { out.yield(.certificate(own)) }
                        promise.succeed(.certificateVerified)
                    }))
        }
    }

    private static func context(_ tls: TLSConfiguration) throws -> NIOSSLContext {
        do {
            return try NIOSSLContext(configuration: tls)
        } catch {
            throw CommandError(.failed, "cannot use TLS here", why: "\(error)")
        }
    }

    private func noTLS(_ heard: Heard?) -> Finding {
        guard heard != nil else {
            return failed(
                "certificate", "it takes the connection and says nothing within \(limit)",
                Self.itHangs)
        }
        return failed("certificate", "it does not speak TLS as the API does", Self.somethingElse)
    }

    private func trusted(_ about: String) -> Finding {
        ok("certificate", "\(about), and its authority is trusted")
    }

    private func untrusted(_ about: String) -> Finding {
        guard let file = endpoint.caFile else {
            return failed(
                "certificate", "\(about), and of no authority that is trusted here",
                "name the fleet's with --ca-file: it is authority/ca.crt in the controller's state folder"
            )
        }
        return failed(
            "certificate", "\(about), and not of the authority in \(file)",
            "the fleet's is authority/ca.crt in the controller's state folder; if that is the same, another machine answers here"
        )
    }

    /// What is wrong with the time that it is good for; nil when nothing is.
    private func untimely(_ certificate: NIOSSLCertificate, _ about: String) -> Finding? {
        let seconds = now.timeIntervalSince1970
        if seconds > Double(certificate.notValidAfter) {
            return failed(
                "certificate", "\(about): that is over",
                "restart the controller, which makes another; is this machine's clock right?")
        }
        if seconds < Double(certificate.notValidBefore) {
            let day = Self.day(certificate.notValidBefore)
            return failed(
                "certificate", "it is good from \(day) only", "run an NTP client on both machines")
        }
        return nil
    }

    /// Whose certificate it is, and until when.
    private func about(_ certificate: NIOSSLCertificate) -> String {
        let names = Self.names(of: certificate)
        let more = names.count > 3 ? " and \(names.count - 3) more" : ""
        let text = names.isEmpty ? "nobody" : names.prefix(3).joined(separator: ", ") + more
        return "it is for \(text), good until \(Self.day(certificate.notValidAfter))"
    }

    /// The names and addresses that it is for.
    private static func names(of certificate: NIOSSLCertificate) -> [String] {
        certificate._subjectAlternativeNames().compactMap { name -> String? in
            switch name.nameType {
            case .dnsName: return String(decoding: name.contents, as: UTF8.self)
            case .ipAddress:
                let packed = ByteBuffer(bytes: name.contents)
                return (try? SocketAddress(packedIPAddress: packed, port: 0))?.ipAddress
            default: return nil
            }
        }
    }

    private static func day(_ seconds: time_t) -> String {
        Date(timeIntervalSince1970: Double(seconds))
            .formatted(.iso8601.year().month().day())
    }
}
