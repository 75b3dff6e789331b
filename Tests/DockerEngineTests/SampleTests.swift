import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Testing

@testable import DockerEngine

/// Answers of a real engine, Docker 20.10.24 (API 1.41, cgroup v1), with some ids cut short.
@Suite("Reading an engine's answers")
struct SampleTests {
    private func json(_ text: String) throws -> JSONValue {
        try JSONValue(parsing: ByteBuffer(string: text))
    }

    @Test("the daemon's description, with nulls")
    func info() throws {
        let info = EngineInfo(
            json: try json(
                """
                {"ServerVersion":"20.10.24+dfsg1","CgroupDriver":"cgroupfs","CgroupVersion":"1",
                "Runtimes":{"io.containerd.runc.v2":{"path":"runc"},"runc":{"path":"runc"}},
                "DefaultRuntime":"runc","MemTotal":25276502016,"NCPU":2,
                "LiveRestoreEnabled":false,"Warnings":null}
                """))
        #expect(info.serverVersion == "20.10.24+dfsg1")
        #expect(info.runtimes == ["io.containerd.runc.v2", "runc"])
        #expect(info.memTotal == 25_276_502_016)
        #expect(info.ncpu == 2 && info.cgroupVersion == "1" && info.rootDir == "")
    }

    @Test(
        "error bodies, JSON or not",
        arguments: [
            (
                400, #"{"message":"Unknown runtime specified nvidia"}"#,
                DockerError.Code.invalidArgument,
                "Unknown runtime specified nvidia"
            ),
            (404, #"{"message":"No such container: zzz"}"#, .notFound, "No such container: zzz"),
            (
                409, #"{"message":"Cannot kill container: sl: Container 0104 is not running"}"#,
                .notRunning, "Cannot kill container: sl: Container 0104 is not running"
            ),
            (
                400, "client version 1.11 is too old. Minimum supported API version is 1.12\n",
                .invalidArgument,
                "client version 1.11 is too old. Minimum supported API version is 1.12"
            ),
            (500, "", .other, "HTTP status 500"),
            (
                500, #"{"message":"write /x: no space left on device"}"#, .noSpace,
                "write /x: no space left on device"
            ),
            (500, #"{"message":7}"#, .other, #"{"message":7}"#),
        ])
    func errors(_ sample: (Int, String, DockerError.Code, String)) {
        let error = DockerEngine.failure(status: sample.0, body: ByteBuffer(string: sample.1))
        #expect(error.code == sample.2)
        #expect(error.message == sample.3)
        #expect(error.status == sample.0)
    }

    @Test("the id in a name conflict")
    func conflict() {
        let id = "511203add54b47d2f4ee45dbb28abbcdf4ee124e0cb2a25f5537de64bf709f3f"
        let message =
            "Conflict. The container name \"/c1\" is already in use by container \"\(id)\". You have to remove (or rename) that container to be able to reuse that name."
        #expect(DockerEngine.conflictingID(in: message) == id)
        #expect(DockerEngine.conflictingID(in: "in use by container \(id).") == id)
        #expect(DockerEngine.conflictingID(in: "in use by container ") == nil)
        #expect(DockerEngine.conflictingID(in: "Conflict.") == nil)
    }

    private static let volume = String(repeating: "0a", count: 32)

    @Test("a container after exit 3, after a failed start, and with next to nothing")
    func containers() throws {
        let exited = ContainerInfo(
            json: try json(
                """
                {"Id":"511203add54b","Name":"/c1","Image":"sha256:3cc0","RestartCount":0,
                "State":{"Status":"exited","Running":false,"OOMKilled":false,"ExitCode":3,
                "Error":"","StartedAt":"2026-11-23T16:21:17.725509233Z",
                "FinishedAt":"2026-11-23T16:21:17.727945086Z"},
                "Config":{"Tty":false,"Labels":{"fleet":"t","odd":null}},
                "Mounts":[{"Type":"bind","Source":"/models","Destination":"/models"},
                {"Type":"volume","Name":"kept","Destination":"/kept"},
                {"Type":"volume","Name":"\(Self.volume)","Destination":"/data"}],
                "NetworkSettings":{"Networks":{"bridge":{"IPAddress":""},"n":{"IPAddress":"10.0.0.2"}}}}
                """))
        #expect(exited?.state == .exited && exited?.exitCode == 3 && exited?.name == "c1")
        #expect(exited?.labels == ["fleet": "t"])
        #expect(exited?.ipAddresses == ["n": "10.0.0.2"])
        #expect(exited?.networks == ["bridge", "n"])
        #expect(exited?.anonymousVolumes == [Self.volume])
        #expect(exited?.startedAt == "2026-11-23T16:21:17.725509233Z")
        let failed = ContainerInfo(
            json: try json(
                """
                {"Id":"be46","State":{"Status":"created","ExitCode":127,"Error":"exec: \\"/no/such\\""},
                "Config":{"Labels":null},"NetworkSettings":{"Networks":null}}
                """))
        #expect(failed?.state == .created && failed?.exitCode == 127)
        let bare = ContainerInfo(json: try json(#"{"Id":"a","State":null}"#))
        #expect(bare?.state == .unknown("") && bare?.labels == [:])
        #expect(bare?.anonymousVolumes == [])
        #expect(ContainerInfo(json: try json("{}")) == nil)
        #expect(ContainerState("sleeping") == .unknown("sleeping"))
    }

    @Test("a container in a list, with a link's name first")
    func summary() throws {
        let summary = ContainerSummary(
            json: try json(
                """
                {"Id":"a","Names":["/other/alias","/sl"],"State":"exited","Labels":{"fleet":"t"},
                "ImageID":"sha256:3c","Mounts":[{"Type":"volume","Name":"\(Self.volume)"}]}
                """))
        #expect(summary?.name == "sl" && summary?.anonymousVolumes == [Self.volume])
        #expect(summary?.state == .exited && summary?.labels == ["fleet": "t"])
    }

    @Test("events, old and new shape")
    func events() throws {
        let die = ContainerEvent(
            json: try json(
                """
                {"status":"die","id":"0104e73f","from":"bb:1","Type":"container","Action":"die",
                "Actor":{"ID":"0104e73f","Attributes":{"exitCode":"137","fleet":"t","image":"bb:1",
                "name":"sl"}},"scope":"local","time":1795450938,"timeNano":1795450938633831988}
                """))
        #expect(die?.action == "die" && die?.exitCode == 137 && die?.name == "sl")
        #expect(die?.labels["fleet"] == "t" && die?.time == 1_795_450_938_633_831_988)
        let health = ContainerEvent(
            json: try json(
                #"{"Type":"container","Action":"health_status: unhealthy","Actor":{"ID":"a"},"time":7}"#
            ))
        #expect(health?.action == "health_status" && health?.detail == "unhealthy")
        #expect(health?.time == 7_000_000_000 && health?.exitCode == nil)
        #expect(
            ContainerEvent(json: try json(#"{"Type":"network","Action":"x","Actor":{"ID":"a"}}"#))
                == nil)
        #expect(
            ContainerEvent(
                json: try json(#"{"Type":"container","Action":"prune","Actor":{"ID":""}}"#)) == nil)
        #expect(
            ContainerEvent(
                json: try json(
                    #"{"Type":"container","Action":"","Actor":{"ID":"a"},"time":9223372036854775807}"#
                )
            )?.time == 0)
    }

    @Test("an image, a network, stats")
    func others() throws {
        let image = ImageInfo(
            json: try json(#"{"Id":"sha256:3cc0","RepoDigests":null,"Size":1982263}"#))
        #expect(image == ImageInfo(id: "sha256:3cc0", size: 1_982_263))
        let exposing = ImageInfo(
            json: try json(
                """
                {"Id":"sha256:3cc0","Config":{"Labels":{"a":"b"},"Entrypoint":null,"Cmd":["a","b"],
                "ExposedPorts":{"8123/tcp":{},"53/udp":{},"80/tcp":{},"x/tcp":{},"99999/tcp":{}}}}
                """))
        #expect(exposing?.exposedPorts == [80, 8_123] && exposing?.labels == ["a": "b"])
        #expect(exposing?.entrypoint == [] && exposing?.command == ["a", "b"])
        let network = NetworkInfo(
            json: try json(
                #"{"Id":"n","Name":"x","IPAM":{"Config":[{"Subnet":"172.18.0.0/16","Gateway":"172.18.0.1/16"}]},"Labels":null}"#
            ))
        #expect(network?.gateway == "172.18.0.1" && network?.subnet == "172.18.0.0/16")
        let stats = ContainerStats(
            json: try json(
                """
                {"pids_stats":{"current":1},"cpu_stats":{"cpu_usage":{"total_usage":23497273},
                "system_cpu_usage":3448420000000,"online_cpus":2},
                "memory_stats":{"usage":1000,"limit":9223372036854771712,
                "stats":{"total_inactive_file":300}}}
                """))
        #expect(stats.memoryBytes == 700 && stats.cpuNanoseconds == 23_497_273)
        #expect(ContainerStats(json: .null).memoryBytes == 0)
    }

    @Test("numbers and nesting that a JSON reader may choke on")
    func hostileJSON() throws {
        #expect(try json(#"{"a":1e400}"#)["a"] == .null)
        #expect(try json(#"{"a":18446744073709551615}"#)["a"].int64 == nil)
        #expect(try json(#"{"a":1.5}"#)["a"].int == nil)
        #expect(try json(#"{"a":3.0}"#)["a"].int == 3)
        for depth in [34, 200, 5000, 100_000] {
            let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            #expect(throws: DockerError.self) { try json(text) }
            let object =
                String(repeating: #"{"a":"#, count: depth) + "1"
                + String(repeating: "}", count: depth)
            #expect(throws: DockerError.self) { try json(object) }
        }
        var random = SplitMix64(seed: 5)
        let alphabet = Array(#"{}[]":,0123456789.eE+-tfn\u"#.utf8)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 1..<24, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            let value = try? JSONValue(parsing: ByteBuffer(bytes: bytes))
            _ = value.map { ContainerInfo(json: $0) }
        }
    }
}

@Suite("Building requests")
struct RequestTests {
    @Test("encodes everything that is not plain")
    func encoding() {
        let call = Call(
            .GET, ["images", "a/b:c@d?e#f%2F..", "json"],
            query: [("filters", #"{"label":["a=b&c"]}"#), ("t", "1")])
        #expect(
            call.target(version: APIVersion(major: 1, minor: 41))
                == "/v1.41/images/a%2Fb%3Ac%40d%3Fe%23f%252F../json"
                + "?filters=%7B%22label%22%3A%5B%22a%3Db%26c%22%5D%7D&t=1")
        #expect(Call(.GET, ["_ping"]).target(version: nil) == "/_ping")
    }

    @Test(
        "refuses names that could change the path",
        arguments: ["", ".", "..", "a/b", "a b", "-a", "ü", "a%2f"])
    func names(_ name: String) async {
        #expect(throws: DockerError.self) { try Names.check(name, "name") }
    }

    @Test(
        "splits image references",
        arguments: [
            ("busybox", "busybox:latest"), ("a/b:1", "a/b:1"),
            ("127.0.0.1:5000/sdxl", "127.0.0.1:5000/sdxl:latest"),
            ("127.0.0.1:5000/sdxl:2@sha256:ab", "127.0.0.1:5000/sdxl@sha256:ab"),
            ("x@sha256:ab", "x@sha256:ab"),
        ])
    func references(_ sample: (String, String)) throws {
        #expect(try ImageReference(sample.0).description == sample.1)
    }

    @Test(
        "refuses what is no image reference",
        arguments: [
            "", "a:", "a@b", "/a", "a//b", "../a", "a/./b", "a b", "a?b", "a\n", "ü", "@sha256:ab",
        ])
    func badReferences(_ text: String) {
        #expect(throws: DockerError.self) { try ImageReference(text) }
    }

    @Test("writes credentials as base64url and shows no password")
    func credentials() throws {
        let auth = RegistryAuth(username: "u", password: "p>?~~ÿ>>>???", serverAddress: "r:5000")
        let header = try auth.header()
        #expect(!header.contains("+") && !header.contains("/"))
        #expect(header.contains("-") || header.contains("_"))
        var shown = ""
        dump(auth, to: &shown)
        #expect(!"\(auth)\(shown)\(String(reflecting: auth))".contains("p>?"))
    }

    @Test("negotiates within its range")
    func versions() {
        #expect(APIVersion("1.41") == APIVersion(major: 1, minor: 41))
        for text in ["", "1", "1.", ".1", "1.2.3", "a.b", "-1.2", "1.99999"] {
            #expect(APIVersion(text) == nil)
        }
        #expect(APIVersion(major: 1, minor: 9) < APIVersion(major: 1, minor: 41))
    }

    @Test("times for since")
    func times() {
        #expect(UnixTime.text(1_795_450_938_033_831_988) == "1795450938.033831988")
        #expect(UnixTime.text(0) == "0.000000000")
        #expect(UnixTime.text(-5) == "0.000000000")
    }

    @Test("has no read timeout, and room for many streams")
    func configuration() {
        let configuration = DockerEngine.configuration
        #expect(configuration.timeout.read == nil)
        #expect(configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit >= 256)
    }

    @Test("a container's specification has the safe defaults")
    func specification() throws {
        var spec = ContainerSpec(image: "x:1")
        spec.memoryLimit = 1024
        spec.runtime = "nvidia"
        let json = try spec.json()
        let host = json["HostConfig"]
        #expect(host["CapDrop"].strings == ["ALL"])
        #expect(host["SecurityOpt"].strings == ["no-new-privileges:true"])
        #expect(host["Memory"].int == 1024 && host["MemorySwap"].int == 1024)
        #expect(host["PidsLimit"].int == 4096 && host["Init"].bool == true)
        #expect(host["Runtime"].string == "nvidia" && host["DeviceRequests"] == .null)
        #expect(host["RestartPolicy"]["Name"].string == "no")
        #expect(json["Cmd"] == .null && json["Entrypoint"] == .null)
    }
}
