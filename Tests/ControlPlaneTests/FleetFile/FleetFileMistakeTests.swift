import FleetCore
import Settings
import Testing

@testable import ControlPlane

/// Each kind of mistake, alone: one line that names the line and the key.
@Suite struct FleetFileMistakeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let text: String
        let line: Int
        let key: String
        let says: String
        var testDescription: String { "\(key): \(says)" }

        init(_ text: String, _ line: Int, _ key: String, _ says: String) {
            self.text = text
            self.line = line
            self.key = key
            self.says = says
        }
    }

    @Test(arguments: structure + names + values + limits)
    func isOneLine(_ test: Case) throws {
        let parsed = FleetFile.parse(text: test.text, name: "cluster.yaml")
        #expect(parsed.spec == nil)
        #expect(parsed.mistakes.count == 1, "\(parsed.mistakes)")
        let mistake = try #require(parsed.mistakes.first)
        #expect(mistake.line == test.line)
        #expect(mistake.key == test.key)
        #expect(mistake.message.contains(test.says), "\(mistake)")
    }

    static let structure: [Case] = [
        Case("", 0, "", "the file is empty"),
        Case("# only this\n", 0, "", "the file is empty"),
        Case("fleet: a\nclusters: [\n", 2, "", "not valid YAML"),
        Case("fleet: a\n\tregistry: b\n", 2, "", "not valid YAML"),
        Case("fleet: a\n---\nfleet: b\n", 2, "", "another document"),
        Case("fleet: \u{1}\n", 1, "", "not valid YAML"),
        Case("- a\n- b\n", 1, "", "must be a mapping"),
        Case("hello\n", 1, "", "must be a mapping"),
        Case("flet: a\n", 1, "flet", "did you mean fleet?"),
        Case("promethus:\n", 1, "promethus", "did you mean prometheus?"),
        Case("portainer: {a: b}\n", 1, "portainer", "Spark's own"),
        Case("fleet: a\nfleet: b\n", 2, "fleet", "already given on line 1"),
        Case("{? [a]: b}\n", 1, "", "not plain text"),
        Case("services: {a: {image: x, <<: {gpu: true}}}\n", 1, "services.a", "merge keys"),
        Case("fleet: !!binary abc\n", 1, "fleet", "tags"),
        Case("services: [a]\n", 1, "services", "must be a mapping, is a list"),
        Case("services: text\n", 1, "services", "must be a mapping, is text"),
        Case("services:\n  a: text\n", 2, "services.a", "must be a mapping, is text"),
        Case("services:\n  a:\n", 2, "services.a", "has no image"),
        Case("a:\n  replicas: 2\n", 1, "a", "has no image"),
        Case("a: {image: x}\nservices: {a: {image: x}}\n", 2, "services.a", "already on line 1"),
        Case("a: {image: x, colour: red}\n", 1, "a.colour", "unknown key"),
        Case("templates: {a: {startup_time: 5s}}\n", 1, "templates.a", "has no image"),
        Case("models: {source: /models}\n", 1, "models", "has no mount"),
        Case("storage: {bucket: abc}\n", 1, "storage", "has no endpoint"),
        Case("roamers: [a]\n", 1, "roamers", "must be a mapping"),
        Case("networks: {a: {drver: x}}\n", 1, "networks.a.drver", "did you mean driver?"),
        Case("networks: {a: {internal: 1}}\n", 1, "networks.a.internal", "true or false"),
        Case("clusters: {a: {scaling: {idle: 5s}}}\n", 1, "clusters.a.scaling.idle", "unknown key"),
    ]

    static let names: [Case] = [
        Case("fleet: Jessica\n", 1, "fleet", "write jessica"),
        Case("fleet: true\n", 1, "fleet", "write \"true\" if meant"),
        Case("roamers: {nodes: [AGX-01]}\n", 1, "roamers.nodes", "write agx-01"),
        Case("roamers:\n  nodes:\n  - a\n  - -b\n", 4, "roamers.nodes", "must be 1 to 63"),
        Case("roamers: {nodes: [a.b]}\n", 1, "roamers.nodes", "must be 1 to 63"),
        Case(
            "roamers: {nodes: [\(String(repeating: "a", count: 64))]}\n", 1, "roamers.nodes", "63"),
        Case("roamers: {nodes: a}\n", 1, "roamers.nodes", "must be a list, is text"),
        Case("roamers: {nodes: [[a]]}\n", 1, "roamers.nodes", "must be text, is a list"),
        Case("roamers: {nodes: [a,\n b, a]}\n", 2, "roamers.nodes", "a is already listed (line 1)"),
        Case("clusters: {Vision: {}}\n", 1, "clusters.Vision", "write vision"),
        Case("services: {a_b: {image: x}}\n", 1, "services.a_b", "must be 1 to 63"),
        Case("templates: {a_b: {image: x}}\n", 1, "templates.a_b", "must be 1 to 63"),
        Case("networks: {a_b: {}}\n", 1, "networks.a_b", "must be 1 to 63"),
        Case(
            "clusters:\n  a: {nodes: [n]}\n  b: {nodes: [n]}\n", 3, "clusters.b.nodes",
            "n is already in cluster a (line 2)"),
        Case(
            "clusters:\n  a: {nodes: [n]}\nroamers: {nodes: [n]}\n", 3, "roamers.nodes",
            "n is already in cluster a (line 2)"),
        Case(
            "roamers: {nodes: [n]}\nclusters:\n  a: {nodes: [n]}\n", 3, "clusters.a.nodes",
            "n is already a roamer (line 1)"),
        Case(
            "clusters:\n  a: {service: sdxl-apo}\nservices: {sdxl-api: {image: x}}\n", 2,
            "clusters.a.service", "there is no service sdxl-apo; did you mean sdxl-api?"),
        Case("clusters:\n  a: {template: t}\n", 2, "clusters.a.template", "there is no template t"),
        Case("clusters:\n  a: {kinds: [imgae]}\n", 2, "clusters.a.kinds", "did you mean image?"),
        Case("clusters:\n  a: {kinds: [text, text]}\n", 2, "clusters.a.kinds", "already listed"),
        Case(
            "clusters:\n  vision: {}\n  b: {kinds: [image]}\n", 3, "clusters.b.kinds",
            "image is already served by cluster vision (line 2)"),
        Case(
            "clusters:\n  a: {nodes: [n], service: s}\nservices:\n  s: {image: x, replicas: 2}\n",
            4,
            "services.s.replicas", "2 replicas, but cluster a has 1 node (line 2)"),
    ]

    private static let longWord = String(repeating: "a", count: 16 << 10)
    private static let manyModels: String = {
        let rest = String(repeating: "m", count: 250)
        return (100..<400).map { "\($0)\(rest)" }.joined(separator: ", ")
    }()

    static let values: [Case] = [
        Case("registry: http://spark\n", 1, "registry", "spark:5000"),
        Case("registry: spark:99999\n", 1, "registry", "spark:5000"),
        Case("models: {source: 'a,b:/m', mount: /m}\n", 1, "models.source", "spark:/mnt/models"),
        Case("models: {source: /m, mount: mnt}\n", 1, "models.mount", "absolute path"),
        Case("models: {source: /m, mount: /m/../etc}\n", 1, "models.mount", "absolute path"),
        Case("models: {source: /m, mount: '/m,exec'}\n", 1, "models.mount", "absolute path"),
        Case("models: {source: /m, mount: /}\n", 1, "models.mount", "absolute path"),
        Case("storage: {endpoint: spark, bucket: abc}\n", 1, "storage.endpoint", "http://"),
        Case(
            "storage: {endpoint: http://a:b@spark, bucket: abc}\n", 1, "storage.endpoint", "http://"
        ),
        Case("storage: {endpoint: http://spark, bucket: A}\n", 1, "storage.bucket", "bucket"),
        Case("services: {a: {image: ''}}\n", 1, "services.a.image", "must not be empty"),
        Case("services: {a: {image: Jessica/x}}\n", 1, "services.a.image", "lowercase"),
        Case("services: {a: {image: a/Jessica}}\n", 1, "services.a.image", "lowercase"),
        Case("services: {a: {image: 'x:'}}\n", 1, "services.a.image", "tag"),
        Case("services: {a: {image: x@sha256:12}}\n", 1, "services.a.image", "digest"),
        Case("services: {a: {image: 'x; rm'}}\n", 1, "services.a.image", "image reference"),
        Case("services: {a: {image: ../x}}\n", 1, "services.a.image", "image reference"),
        Case("services: {a: {image: [x]}}\n", 1, "services.a.image", "must be text, is a list"),
        Case("services: {a: {image: x, gpu: yes}}\n", 1, "services.a.gpu", "true or false"),
        Case("services: {a: {image: x, gpu: 'true'}}\n", 1, "services.a.gpu", "without quotes"),
        Case("services: {a: {image: x, contract: kog}}\n", 1, "services.a.contract", "cog?"),
        Case("services: {a: {image: x, memory: 18}}\n", 1, "services.a.memory", "needs a unit"),
        Case("services: {a: {image: x, memory: 0GB}}\n", 1, "services.a.memory", "from 1B"),
        Case("services: {a: {image: x, memory: 18XB}}\n", 1, "services.a.memory", "unknown unit"),
        Case(
            "services: {a: {image: x, devices: [/etc/passwd]}}\n", 1, "services.a.devices", "/dev/"),
        Case(
            "services: {a: {image: x, devices: [/dev/../etc]}}\n", 1, "services.a.devices", "/dev/"),
        Case("services: {a: {image: x, devices: [/dev/]}}\n", 1, "services.a.devices", "/dev/"),
        Case(
            "templates: {a: {image: x, contract: exec, devices: [/dev/dri]}}\n", 1,
            "templates.a.devices", "not with contract exec"),
        Case(
            "services: {a: {image: x, models: [m], contract: exec}}\n", 1, "services.a.models",
            "not with contract exec"),
        Case(
            "services: {a: {image: x, networks: [fleet-mgmt], contract: exec}}\n", 1,
            "services.a.networks", "not with contract exec"),
        Case(
            "services: {a: {image: x, large_outputs: true, contract: openai}}\n", 1,
            "services.a.large_outputs", "only with contract cog"),
        Case(
            "templates: {a: {image: x, large_outputs: 1}}\n", 1, "templates.a.large_outputs",
            "true or false"),
        Case("services: {a: {image: x, models: [../a]}}\n", 1, "services.a.models", "below"),
        Case(
            "services: {a: {image: x, models: [m, m]}}\n", 1, "services.a.models", "already listed"),
        Case(
            "services: {a: {image: x, networks: [host]}}\n", 1, "services.a.networks",
            "must be one of jessica-mesh, camera-net, fleet-mgmt, not \"host\""),
        Case(
            "services: {a: {image: x, components: [\"a\\nb\"]}}\n", 1, "services.a.components",
            "one line"),
        Case("services: {a: {image: x, command: run me}}\n", 1, "services.a.command", "list"),
        Case("services: {a: {image: x, command: [\"\\0\"]}}\n", 1, "services.a.command", "NUL"),
        Case(
            "services: {a: {image: x, command: [b, \(longWord)]}}\n", 1, "services.a.command",
            "16 KiB"),
        Case(
            "services: {a: {image: x, models: [\(manyModels)]}}\n", 1, "services.a",
            "more than 64 KiB"),
        Case(
            "services: {a: {image: x, startup_time: 0s}}\n", 1, "services.a.startup_time",
            "from 1ms"),
        Case(
            "templates: {a: {image: x, startup_time: 45x}}\n", 1, "templates.a.startup_time", "unit"
        ),
        Case(
            "templates: {a: {image: x, startup_time: -5s}}\n", 1, "templates.a.startup_time",
            "negative"),
        Case(
            "templates: {a: {image: x, startup_time: 0s}}\n", 1, "templates.a.startup_time",
            "from 1ms"),
        Case(
            "clusters: {a: {scaling: {overflow: always}}}\n", 1, "clusters.a.scaling.overflow",
            "busy, backlog, forecast, never"),
    ]

    static let limits: [Case] = [
        Case("services: {a: {image: x, slots: 0}}\n", 1, "services.a.slots", "from 1 to 1024"),
        Case("services: {a: {image: x, slots: 1.5}}\n", 1, "services.a.slots", "whole number"),
        Case("services: {a: {image: x, slots: 010}}\n", 1, "services.a.slots", "whole number"),
        Case(
            "services: {a: {image: x, replicas: -1}}\n", 1, "services.a.replicas", "from 1 to 10000"
        ),
        Case(
            "services: {a: {image: x, replicas: 99999999999999999999}}\n", 1, "services.a.replicas",
            "from 1 to 10000"),
        Case(
            "services: {a: {image: x, memory: 99999999999PB}}\n", 1, "services.a.memory",
            "too large"),
        Case(
            "clusters: {a: {scaling: {backlog_factor: 0}}}\n", 1,
            "clusters.a.scaling.backlog_factor", "from 1"),
        Case("#" + String(repeating: "x", count: 1 << 20), 0, "", "larger than 1 MiB"),
        Case(
            "clusters:\n  a: {nodes: [\(nodes(0..<6000))]}\n  b: {nodes: [\(nodes(6000..<10_001))]}\n",
            3, "clusters.b.nodes", "at most 10000"),
        Case(
            "roamers: {nodes: [\(nodes(0..<10_001))]}\n", 1, "roamers.nodes", "at most 10000"),
        Case(String(repeating: "[", count: 100_000), 1, "", "not valid YAML"),
        Case(String(repeating: "{a: ", count: 100_000), 1, "", "not valid YAML"),
        Case(String(repeating: "- ", count: 100_000), 1, "", "not valid YAML"),
        Case("{\(String(repeating: "k", count: 300)): 1}", 1, "", "longer than 256"),
    ]

    private static func nodes(_ range: Range<Int>) -> String {
        range.map { "n\($0)" }.joined(separator: ",")
    }

    @Test func tenThousandNodesAreAllowed() throws {
        let text = "roamers: {nodes: [\(Self.nodes(0..<10_000))]}\n"
        let spec = try #require(FleetFile.parse(text: text, name: "f").spec)
        #expect(spec.roamers.count == 10_000)
    }

    @Test func aliasBombsAreRefusedAtOnce() {
        var bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n"
        for (name, last) in zip("bcdefghij", "abcdefghi") {
            let aliases = [String](repeating: "*\(last)", count: 9).joined(separator: ",")
            bomb += "\(name): &\(name) [\(aliases)]\n"
        }
        let took = ContinuousClock().measure {
            for text in [bomb, bomb + "? *j\n: 1\n"] {
                let mistakes = FleetFile.parse(text: text, name: "f").mistakes
                #expect(
                    mistakes.map(\.message) == ["its YAML aliases would expand beyond all bounds"])
            }
        }
        #expect(took < .seconds(5))
    }

    @Test func deepButParsableNestingIsRefused() {
        let depth = 500
        let text =
            "fleet: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        let mistakes = FleetFile.parse(text: text, name: "f").mistakes
        #expect(mistakes.contains { $0.message.contains("nested deeper") }, "\(mistakes)")
    }

    @Test func manyMistakesAreCut() throws {
        let text = (0..<5000).map { "k\($0): 1\n" }.joined()
        let mistakes = FleetFile.parse(text: text, name: "f").mistakes
        #expect(mistakes.count == MistakeList.limit + 1)
        #expect(mistakes.last?.message == "4800 more mistakes, not shown")
        let repeated = (0..<5000).map { "k\($0): 1\nk\($0): 1\n" }.joined()
        #expect(!FleetFile.parse(text: repeated, name: "f").mistakes.isEmpty)
    }

    @Test func hostileTextPrintsAsOneLine() throws {
        let text = "\"a\\e[31m\\nb\\u202e\": 1\n"
        let line = try #require(FleetFile.parse(text: text, name: "f\n").mistakes.first).description
        #expect(line == "f\\u{a}:1: a\\u{1b}[31m\\u{a}b\\u{202e}: unknown key")
    }
}
