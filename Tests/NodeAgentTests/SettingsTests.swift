import Settings
import Testing

@testable import NodeAgent

@Suite struct AgentSettingsTests {
    private func load(
        _ arguments: [String], _ text: String = "", _ variables: [String: String] = [:]
    ) -> (AgentSettings?, [String]) {
        let outcome = AgentSettings.source.resolve(
            arguments: AgentSettings.source.parse(arguments), environment: variables,
            file: SettingsText(name: "agent.yaml", text: text))
        guard let resolved = outcome.settings else {
            return (nil, outcome.mistakes.map(\.description))
        }
        let (settings, mistakes) = AgentSettings.load(resolved)
        return (settings, mistakes.map(\.description))
    }

    @Test func defaultsFollowFromTheFew() throws {
        let (settings, mistakes) = load(
            ["--node", "agx-01"], "controller: {host: spark}\nstate_dir: /s\n")
        #expect(mistakes.isEmpty)
        let found = try #require(settings)
        #expect(found.serverName == nil && found.controllerPort == 7443)
        #expect(found.ca == "/s/tls/ca.crt" && found.key == "/s/tls/node.key")
        #expect(found.fleet == "jessica" && found.models == nil)
        #expect(found.dockerSocket == "/var/run/docker.sock")
        #expect(found.pullStall == .seconds(120))
    }

    @Test func aNodeIsCalledAsInTheFleetsFile() {
        let few = "controller: {host: s}\n"
        #expect(load(["--node", "agx-01"], few).0?.node == "agx-01")
        for (wrong, says) in [("AGX-01", "write agx-01"), ("agx_01", "a-z"), ("agx-", "ends")] {
            let (settings, mistakes) = load(["--node", wrong], few)
            #expect(settings == nil, "\(wrong)")
            #expect(mistakes.first?.contains(says) == true, "\(mistakes)")
        }
        for host in ["AGX-01", "agx-01.home.arpa", "Agx-01.LAN"] {
            #expect(AgentSettings.nodeName(ofHost: host) == "agx-01")
        }
    }

    @Test func aPullMayNotStandStillForever() {
        let few = "controller: {host: s}\nnode: n\n"
        #expect(load([], few + "docker: {pull_stall: 5s}\n").0?.pullStall == .seconds(5))
        #expect(load([], few + "docker: {pull_stall: 0s}\n").0 == nil)
    }

    @Test func whatIsReservedIsNoLessThanTheControllerKeeps() {
        let few = "controller: {host: s}\nnode: n\n"
        #expect(load([], few).0?.memoryReserve == 512 << 20)
        #expect(load([], few + "memory: {reserve: 3GiB}\n").0?.memoryReserve == 3 << 30)
        #expect(load(["--memory-reserve", "2GB"], few).0?.memoryReserve == 2_000_000_000)
        #expect(load([], few + "memory: {reserve: 100MiB}\n").0 == nil)
    }

    @Test func controllersAreTriedInTheirOrder() throws {
        let few =
            "controller: {host: spark, port: 7, standby: [spark-2, \"spark-3:8\", \"[::1]:9\"]}\nnode: n\n"
        let found = try #require(load([], few).0)
        #expect(
            found.controllers.map(\.description) == [
                "spark:7", "spark-2:7", "spark-3:8", "[::1]:9",
            ])
        for wrong in ["a:b", "a:0", "a b", "a:1:2x"] {
            let (settings, mistakes) = load(
                ["--controller-standby", wrong], "controller: {host: spark}\nnode: n\n")
            #expect(
                settings == nil && mistakes.first?.contains("controller.standby") == true,
                "\(wrong)")
        }
    }

    @Test func theAuthorityIsKnownByAFingerprint() {
        let few = "controller: {host: s}\nnode: n\n"
        #expect(load([], few).0?.fingerprint == nil && load([], few).0?.apiPort == 8443)
        let digits = String(repeating: "Ab", count: 32)
        let found = load(["--controller-fingerprint", "SHA256:\(digits)"], few).0?.fingerprint
        #expect(found?.description == "SHA256:" + String(repeating: "ab", count: 32))
        let wrong = [
            digits, "SHA256:", "SHA256:\(digits)0", "sha256:\(digits)", "SHA1:\(digits)",
            "SHA256:\(digits.dropLast())g",
        ]
        for text in wrong {
            let (settings, mistakes) = load(["--controller-fingerprint", text], few)
            #expect(settings == nil, "\(text)")
            #expect(mistakes.first?.contains("controller.fingerprint") == true, "\(mistakes)")
        }
        #expect(load(["--controller-api-port", "9443"], few).0?.apiPort == 9443)
    }

    @Test func metricsAreServedOnlyWhereItIsSaid() {
        let few = "controller: {host: s}\nnode: n\n"
        #expect(load([], few).0?.metrics == nil)
        #expect(load(["--metrics-listen", "127.0.0.1:9464"], few).0?.metrics?.port == 9464)
        for wrong in ["9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000"] {
            #expect(load(["--metrics-listen", wrong], few).0 == nil, "\(wrong)")
        }
    }

    @Test func flagBeatsVariableBeatsFile() throws {
        let text = "controller: {host: file, port: 1}\nnode: f\n"
        let variables = ["JESSICA_CONTROLLER_HOST": "variable", "JESSICA_NODE": "v"]
        let (settings, _) = load(["--node=flag"], text, variables)
        #expect(settings?.node == "flag")
        #expect(settings?.controllerHost == "variable")
        #expect(settings?.controllerPort == 1)
    }

    @Test func everyMistakeNamesItsPlace() {
        let text = """
            controller:
              host: spark
              port: 0
            nod: x
            """
        let (settings, mistakes) = load([], text)
        #expect(settings == nil)
        #expect(mistakes.contains { $0.hasPrefix("agent.yaml:3: controller.port: ") })
        #expect(mistakes.contains { $0.hasPrefix("agent.yaml:4: nod: ") })
    }

    @Test func valuesAreCheckedTogether() {
        let text = "controller: {host: s}\nnode: a/b\ntls: {ca: x.crt}\n"
        let (settings, mistakes) = load([], text)
        #expect(settings == nil)
        #expect(mistakes.contains { $0.hasPrefix("agent.yaml:2: node: ") })
        #expect(mistakes.contains { $0.hasPrefix("agent.yaml:3: tls.ca: ") })
    }

    @Test func modelsAreNoFolderOfTheSystem() {
        let few = "controller: {host: s}\nnode: n\nstate_dir: /data/jessica\n"
        #expect(load(["--models-mount", "/data/models"], few).0?.models == "/data/models")
        for wrong in ["/", "/etc", "/var/run", "/home", "/data", "/mnt/../etc"] {
            let (settings, mistakes) = load(["--models-mount", wrong], few)
            #expect(settings == nil, "\(wrong)")
            #expect(mistakes.first?.contains("models.mount") == true, "\(mistakes)")
        }
    }

    @Test func devicesAreBelowDev() {
        let few = "controller: {host: s}\nnode: n\n"
        #expect(load([], few).0?.devices == [])
        let found = load([], few + "devices: [/dev/nvsciipc, /dev/arm]\n").0?.devices
        #expect(found == ["/dev/nvsciipc", "/dev/arm"])
        #expect(load(["--devices", "/dev/a,/dev/b"], few).0?.devices == ["/dev/a", "/dev/b"])
        for wrong in ["/etc/passwd", "/dev/../etc", "video0", "/dev"] {
            #expect(load(["--devices", wrong], few).0 == nil, "\(wrong)")
        }
    }

    @Test func helpFitsATerminal() {
        for line in AgentProgram.usage.split(separator: "\n") {
            #expect(line.count <= 80, "\(line)")
        }
    }

    @Test func programSpeaksByExitCode() async {
        #expect(await AgentProgram.main(["run", "--controller-port", "x"], environment: [:]) == 2)
        #expect(await AgentProgram.main(["fly"], environment: [:]) == 2)
        #expect(await AgentProgram.main(["version"], environment: [:]) == 0)
        let arguments = [
            "run", "--check-config", "--controller-host", "h", "--node", "n", "--config",
            "/dev/null/none",
        ]
        #expect(await AgentProgram.main(arguments, environment: [:]) == 2)
    }
}
