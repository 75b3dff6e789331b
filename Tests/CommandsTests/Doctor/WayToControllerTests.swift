import Foundation
import NIOCore
import Testing

@testable import Commands

/// What the doctor finds by itself where the controller cannot be asked.
@Suite struct WayToControllerTests {
    private static func look(
        _ address: Endpoint.Address, caFile: String? = nil, now: Date = Date(),
        patience: Duration = .seconds(3)
    ) async throws -> [Finding] {
        let endpoint = Endpoint(address: address, caFile: caFile, origin: "--endpoint")
        return try await WayToController(endpoint: endpoint, now: now, patience: patience).look()
    }

    /// Each finding as `name status`; whatever has failed must say what to do.
    private static func steps(_ findings: [Finding]) -> [String] {
        for finding in findings where finding.isFailure {
            #expect(finding.action?.isEmpty == false, "\(finding)")
        }
        return findings.map { "\($0.name) \($0.status)" }
    }

    // MARK: By the network

    @Test func aClosedPortIsTold() async throws {
        let findings = try await Self.look(.url("https://127.0.0.1:1"))
        #expect(Self.steps(findings) == ["port failed"])
        #expect(findings[0].message == "port 1 of 127.0.0.1: nothing listens there")
        #expect(findings[0].action?.contains("systemctl status spark-controller") == true)
    }

    @Test func aNameIsToldWithItsAddresses() async throws {
        try await Listener.onPort(.answers(Listener.ok)) { port in
            let findings = try await Self.look(.url("http://localhost:\(port)"))
            #expect(Self.steps(findings) == ["names ok", "port ok", "api ok"])
            #expect(findings[0].message.hasPrefix("localhost is "))
            #expect(findings[0].message.contains("127.0.0.1"))
        }
    }

    /// Where there is no DNS nobody says so in time.
    @Test func aNameWithoutAnAddressIsTold() async throws {
        let findings = try await Self.look(.url("https://nowhere.invalid:8443"))
        #expect(Self.steps(findings) == ["names failed"])
        #expect(findings[0].message.contains("nowhere.invalid"))
    }

    @Test(arguments: [("http", "api failed"), ("https", "certificate failed")])
    func whoeverSaysNothingIsNotWaitedFor(_ scheme: String, _ last: String) async throws {
        try await Listener.onPort(.silent) { port in
            let findings = try await Self.look(
                .url("\(scheme)://127.0.0.1:\(port)"), patience: .seconds(3))
            #expect(Self.steps(findings) == ["port ok", last])
            #expect(findings.last?.message.hasSuffix("nothing within 3s") == true)
        }
    }

    @Test func anotherProgramIsNotTakenForTheController() async throws {
        try await Listener.onPort(.answers("SSH-2.0-OpenSSH_9.2\r\n")) { port in
            let plain = try await Self.look(.url("http://127.0.0.1:\(port)"))
            #expect(Self.steps(plain) == ["port ok", "api failed"])
            let secure = try await Self.look(.url("https://127.0.0.1:\(port)"))
            #expect(Self.steps(secure) == ["port ok", "certificate failed"])
            #expect(secure[1].message.contains("does not speak TLS"))
        }
    }

    @Test func aCertificateIsToldWithItsNamesAndItsEnd() async throws {
        try await withFolder { folder in
            let own = try TestAuthority(in: folder + "/own", for: "DNS:spark.lan,IP:127.0.0.1")
            let other = try TestAuthority(in: folder + "/other", for: "DNS:spark.lan")
            try await Listener.onPort(.secure(own.server(), Listener.ok)) { port in
                let url = Endpoint.Address.url("https://127.0.0.1:\(port)")
                let good = try await Self.look(url, caFile: own.file)
                #expect(Self.steps(good) == ["port ok", "certificate ok", "api ok"])
                let day = Date().addingTimeInterval(30 * 86_400).formatted(.iso8601.year().month())
                let about = "it is for spark.lan, 127.0.0.1, good until \(day)-"
                #expect(good[1].message.hasPrefix(about), "\(good[1].message)")

                let wrong = try await Self.look(url, caFile: other.file)
                #expect(Self.steps(wrong) == ["port ok", "certificate failed"])
                #expect(wrong[1].message.hasPrefix(about))
                #expect(wrong[1].message.hasSuffix("not of the authority in \(other.file)"))
                let none = try await Self.look(url)
                #expect(none[1].action?.contains("--ca-file") == true)

                let late = try await Self.look(
                    url, caFile: own.file, now: Date().addingTimeInterval(60 * 86_400))
                #expect(Self.steps(late) == ["port ok", "certificate failed"])
                #expect(late[1].message.hasSuffix("that is over"))
                let early = try await Self.look(
                    url, caFile: own.file, now: Date().addingTimeInterval(-86_400))
                #expect(early[1].message.hasSuffix("only"))
            }
        }
    }

    @Test func aCertificateForAnotherNameIsTold() async throws {
        try await withFolder { folder in
            let own = try TestAuthority(in: folder + "/own", for: "DNS:spark.lan")
            try await Listener.onPort(.secure(own.server(), Listener.ok)) { port in
                for host in ["127.0.0.1", "localhost"] {
                    let findings = try await Self.look(
                        .url("https://\(host):\(port)"), caFile: own.file)
                    let last = try #require(findings.last)
                    #expect(last.name == "certificate" && last.isFailure)
                    #expect(last.message.hasSuffix("and not for \(host)"), "\(last.message)")
                    #expect(last.action?.contains("server_names") == true)
                }
            }
        }
    }

    @Test func anAuthorityThatCannotBeReadIsAWrongUse() async throws {
        try await Listener.onPort(.silent) { port in
            let error = await #expect(throws: CommandError.self) {
                try await Self.look(.url("https://127.0.0.1:\(port)"), caFile: "/nonexistent")
            }
            #expect(error?.status == .usage)
        }
    }

    // MARK: By a socket

    @Test func aSocketThatIsNotThereIsTold() async throws {
        try await withFolder { folder in
            let missing = try await Self.look(.socket(path: folder + "/none.sock"))
            #expect(Self.steps(missing) == ["socket failed"])
            #expect(missing[0].message == "there is no \(folder)/none.sock")
            try "x".write(toFile: folder + "/file", atomically: true, encoding: .utf8)
            let file = try await Self.look(.socket(path: folder + "/file"))
            #expect(file.map(\.message) == ["\(folder)/file is no socket"])
            #expect(Self.steps(file) == ["socket failed"])
        }
    }

    @Test func aSocketIsTriedToItsEnd() async throws {
        try await withFolder { folder in
            let path = folder + "/c.sock"
            let address = try SocketAddress(unixDomainSocketPath: path)
            try await Listener.at(address, .answers(Listener.ok)) { _ in
                let findings = try await Self.look(.socket(path: path))
                #expect(Self.steps(findings) == ["socket ok", "api ok"])
                // NIO removes the name that it knows.
                try FileManager.default.linkItem(atPath: path, toPath: folder + "/left.sock")
            }
            // What a controller leaves that was killed.
            let left = try await Self.look(.socket(path: folder + "/left.sock"))
            #expect(Self.steps(left) == ["socket failed"])
            #expect(left[0].message.contains("nothing listens"), "\(left[0].message)")
            try await Listener.at(address, .silent) { _ in
                let findings = try await Self.look(
                    .socket(path: path), patience: .seconds(3))
                #expect(Self.steps(findings) == ["socket ok", "api failed"])
            }
        }
    }

    // MARK: As it is shown

    @Test func theWayIsShownAndTheExitCodeStays() async throws {
        for endpoint in ["https://127.0.0.1:1", "/tmp/there-is-none.sock"] {
            let ran = await jctl(["doctor"], at: endpoint)
            #expect(ran.code == 7)
            #expect(ran.lines.count >= 2 && ran.lines[0].hasPrefix("CHECK"))
            #expect(ran.lines[1].contains("failed"), "\(ran.out)")
            #expect(ran.lines.allSatisfy { $0.displayWidth <= 80 }, "\(ran.out)")
            #expect(ran.err.contains("controller: is spark-controller running there?"))
            #expect(ran.err.contains("jctl: cannot ask the controller how it is"))
        }
    }

    @Test func aLongWayFits80Columns() async throws {
        try await withFolder { folder in
            let names = (1...9).map { "DNS:a-box-with-a-long-name-\($0).lan" }
            let own = try TestAuthority(
                in: folder + "/own", for: names.joined(separator: ",") + ",IP:127.0.0.1")
            let other = try TestAuthority(in: folder + "/other", for: "DNS:spark.lan")
            try await Listener.onPort(.secure(own.server(), Listener.ok)) { port in
                let words = ["doctor", "--ca-file", other.file]
                let ran = await jctl(words, at: "https://127.0.0.1:\(port)")
                #expect(ran.code == 7)
                #expect(ran.lines.allSatisfy { $0.displayWidth <= 80 }, "\(ran.out)")
                #expect(ran.err.contains("certificate controller: "), "\(ran.err)")
            }
        }
    }

    @Test func programsGetItInTheSameShape() async throws {
        let ran = await jctl(["doctor", "-o", "json"], at: "https://127.0.0.1:1")
        #expect(ran.code == 7)
        struct Answer: Decodable { var items: [Finding] }
        let answer = try JSONDecoder().decode(Answer.self, from: Data(ran.out.utf8))
        #expect(Self.steps(answer.items) == ["port failed"])
        #expect(!ran.err.contains("systemctl"))
    }

    /// Something has failed in any case, even where nothing is wrong with the way.
    @Test func aControllerThatIsNotReadyIsTold() async throws {
        try await jctl(
            ["doctor", "-o", "json"],
            routes: [
                "GET /diagnosis": { _ in .error(503, "not_ready", "the store is away") },
                "GET /healthz": { _ in .json("{}") },
            ]
        ) { ran, _ in
            #expect(ran.code == 7)
            #expect(ran.out.contains("the store is away") && ran.out.contains("\"socket\""))
        }
    }
}
