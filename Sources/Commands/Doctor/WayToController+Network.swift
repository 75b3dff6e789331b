import Foundation
import Glibc
import NIOCore

/// The way by the network.
extension WayToController {
    /// The most addresses of a host that are tried.
    private static let mostAddresses = 8

    /// What a URL names.
    struct Place: Sendable, Equatable {
        var host: String
        var port: Int
        var isTLS: Bool

        init?(_ url: String) {
            guard let parts = URLComponents(string: url), var host = parts.host else { return nil }
            if host.hasPrefix("["), host.hasSuffix("]") {
                host = String(host.dropFirst().dropLast())
            }
            let isTLS = parts.scheme == "https"
            let port = parts.port ?? (isTLS ? 443 : 80)
            guard !host.isEmpty, 1...65_535 ~= port else { return nil }
            (self.host, self.port, self.isTLS) = (host, port, isTLS)
        }

        /// Whether the host is an address already.
        var isAddress: Bool { (try? SocketAddress(ipAddress: host, port: port)) != nil }
    }

    /// Whether the host has addresses, one of them takes connections, and somebody answers there.
    func look(at place: Place) async throws -> [Finding] {
        let addresses: [SocketAddress]
        let lookup = await HostLookup.addresses(
            of: place.host, port: place.port, within: patience)
        switch lookup {
        case .found(let found)?: addresses = found
        case .failed(let why)?:
            return [
                failed(
                    "names", "\(place.host) has no address here: \(why)",
                    "is it spelt right? Name it in the network's DNS or in /etc/hosts here, or use its address"
                )
            ]
        case nil:
            return [
                failed(
                    "names", "nobody says within \(limit) where \(place.host) is",
                    "is the network's DNS up?")
            ]
        }
        var findings: [Finding] = []
        if !place.isAddress {
            findings.append(ok("names", "\(place.host) is \(Self.list(addresses))"))
        }
        let (found, open) = await port(addresses, place.port)
        findings.append(found)
        guard let open else { return findings }
        let trial = TrialConnection(address: open, patience: patience)
        if place.isTLS { return findings + (try await secure(place, trial)) }
        return findings + [api(await trial.say(Self.question))]
    }

    /// Tries all addresses at once; with the best that can be connected to.
    private func port(
        _ addresses: [SocketAddress], _ port: Int
    ) async -> (Finding, SocketAddress?) {
        let tried = Array(addresses.prefix(Self.mostAddresses))
        let heard: [Heard?] = await withTaskGroup(of: (Int, Heard?).self) { group in
            for (index, address) in tried.enumerated() {
                let trial = TrialConnection(address: address, patience: patience)
                group.addTask { (index, await trial.open()) }
            }
            var all = [Heard?](repeating: nil, count: tried.count)
            for await (index, one) in group { all[index] = one }
            return all
        }
        for (address, one) in zip(tried, heard) {
            guard case .opened? = one else { continue }
            return (
                ok("port", "\(Self.list([address])) takes connections on port \(port)"), address
            )
        }
        let reasons = heard.map { why($0) }
        let text =
            Set(reasons).count == 1
            ? "\(Self.list(tried)): \(reasons[0])"
            : zip(tried, reasons).map { "\(Self.list([$0])): \($1)" }.joined(separator: "; ")
        let isRefused = heard.contains { errorNumber($0) == ECONNREFUSED }
        return (
            failed(
                "port", "port \(port) of \(text)",
                isRefused
                    ? "\(Self.isItRunning); is \(port) its `api.port`?"
                    : "is that machine on, and on this network? Does a firewall close the port?"),
            nil
        )
    }

    private static func list(_ addresses: [SocketAddress]) -> String {
        addresses.map { $0.ipAddress ?? "\($0)" }.joined(separator: ", ")
    }
}
