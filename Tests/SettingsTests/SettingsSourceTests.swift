import Settings
import Testing

@Suite struct SettingsSourceTests {
    private let source = SettingsSource([
        SettingSpec("config", .path, inFile: false, help: "The file."),
        SettingSpec("name", .string, required: true, help: "A name."),
        SettingSpec("link.host", .string, default: "0.0.0.0", help: "The address."),
        SettingSpec("link.port", .int(1...65_535), default: "7443", help: "The port."),
        SettingSpec(
            "link.stop_after", .duration(.seconds(1)...(.seconds(3600))), default: "30s",
            help: "When."),
        SettingSpec("cache.size", .size(1...(1 << 40)), default: "1GiB", help: "How much."),
        SettingSpec("cache.dir", .path, help: "Where."),
        SettingSpec("verbose", .bool, help: "Talk."),
        SettingSpec("tags", .list, help: "Tags."),
        SettingSpec("log.level", .choice(["info", "debug"]), default: "info", help: "Level."),
        SettingSpec("token", .string, secret: true, help: "The token."),
        SettingSpec("pin", .int(0...9999), secret: true, help: "The pin."),
    ])

    private func file(_ text: String) -> SettingsText {
        SettingsText(name: "controller.yaml", text: text)
    }

    private func lines(
        _ yaml: String, _ arguments: [String] = [], _ environment: [String: String] = [:]
    ) -> [String] {
        source.resolve(
            arguments: source.parse(arguments), environment: environment, file: file(yaml)
        ).mistakes.map(\.description)
    }

    @Test func defaults() throws {
        let settings = try #require(source.resolve(file: file("name: x")).settings)
        #expect(settings.string("name") == "x")
        #expect(settings.string("link.host") == "0.0.0.0")
        #expect(settings.int("link.port") == 7443)
        #expect(settings.duration("link.stop_after") == .seconds(30))
        #expect(settings.size("cache.size") == 1 << 30)
        #expect(settings.path(ifSet: "cache.dir") == nil)
        #expect(!settings.bool("verbose"))
        #expect(settings.list("tags") == [])
        #expect(settings["link.port"]?.origin == .byDefault)
    }

    @Test func flagBeatsVariableBeatsFileBeatsDefault() throws {
        let yaml = "name: x\nlink:\n  port: 1\n  host: file\n  stop_after: 1m\n"
        let environment = [
            "JESSICA_LINK_PORT": "2", "JESSICA_LINK_HOST": "variable", "PATH": "/bin",
        ]
        let outcome = source.resolve(
            arguments: source.parse(["--link-port", "3"]), environment: environment,
            file: file(yaml))
        let settings = try #require(outcome.settings)
        #expect(settings["link.port"]?.origin == .flag("--link-port"))
        #expect(settings.int("link.port") == 3)
        #expect(settings.string("link.host") == "variable")
        #expect(settings["link.host"]?.origin == .variable("JESSICA_LINK_HOST"))
        #expect(settings.duration("link.stop_after") == .seconds(60))
        #expect(
            settings["link.stop_after"]?.origin == .file(name: "controller.yaml", line: 5))
    }

    @Test func everyFormOfEveryType() throws {
        let yaml = """
            name: "7"
            link.port: 80
            cache: {size: 2GB, dir: /var/cache}
            verbose: true
            tags: [a, "b"]
            log: {level: debug}
            """
        let settings = try #require(source.resolve(file: file(yaml)).settings)
        #expect(settings.string("name") == "7")
        #expect(settings.int("link.port") == 80)
        #expect(settings.size("cache.size") == 2_000_000_000)
        #expect(settings.path("cache.dir") == "/var/cache")
        #expect(settings.bool("verbose"))
        #expect(settings.list("tags") == ["a", "b"])
        #expect(settings.string("log.level") == "debug")

        let flags = source.parse([
            "--name=a=b", "--verbose", "--tags", "a, b", "--tags=c", "--cache-dir", "-", "--",
            "--x", "y",
        ])
        #expect(flags.rest == ["--x", "y"])
        let more = try #require(source.resolve(arguments: flags).settings)
        #expect(more.string("name") == "a=b")
        #expect(more.bool("verbose"))
        #expect(more.list("tags") == ["a", "b", "c"])
        #expect(more.path("cache.dir") == "-")
        let off = source.resolve(
            arguments: source.parse(["--no-verbose", "--name", "x"]), file: file("verbose: true"))
        #expect(off.settings?.bool("verbose") == false)
    }

    @Test func allMistakesOfAllSources() {
        let yaml = """
            link:
              prot: 7443
              port: "7443"
              stop_after: 30
            logs: {level: info}
            config: /x
            cache: big
            link.host: [a]
            tags: {a: b}
            link.host: b
            """
        #expect(
            lines(
                yaml,
                ["--link-prot", "--link-port", "0", "--nmae", "x", "--link-port=1", "--cache-dir"],
                ["JESSICA_LOG_LEVEL": "debgu", "JESSICA_VERBOSE": "1"])
                == [
                    "controller.yaml:2: link.prot: unknown setting; did you mean link.port?",
                    "controller.yaml:3: link.port: must be a whole number from 1 to 65535, without quotes",
                    "controller.yaml:4: link.stop_after: needs a unit, like 45s, 5m, 1h or 2h30m, not \"30\"",
                    "controller.yaml:5: logs: unknown setting",
                    "controller.yaml:6: config: cannot be set in a file, only by --config or JESSICA_CONFIG",
                    "controller.yaml:7: cache: must be a mapping, is text",
                    "controller.yaml:8: link.host: must be text, is a list",
                    "controller.yaml:9: tags: must be a list, is a mapping",
                    "controller.yaml:10: link.host: is already given on line 8",
                    "JESSICA_VERBOSE: verbose: must be true or false, not \"1\"",
                    "JESSICA_LOG_LEVEL: log.level: must be one of info, debug, not \"debgu\"; did you mean debug?",
                    "--link-prot: unknown flag; did you mean --link-port?",
                    "--nmae: unknown flag; did you mean --name?",
                    "--link-port: link.port: is given twice",
                    "--cache-dir: cache.dir: needs a value: a path",
                    "--link-port: link.port: must be a whole number from 1 to 65535, is 0",
                    "controller.yaml: name: is required; set it here, or by --name or JESSICA_NAME",
                ])
    }

    @Test func secretsAreNeverShown() throws {
        #expect(
            lines("name: x\npin: hunter2", [], ["JESSICA_PIN": "hunter3"]) == [
                "controller.yaml:2: pin: must be a whole number from 0 to 9999",
                "JESSICA_PIN: pin: must be a whole number from 0 to 9999",
            ])
        let settings = try #require(source.resolve(file: file("name: x\ntoken: hunter2")).settings)
        #expect(settings.string("token") == "hunter2")
        #expect(settings.describe().contains("token: (secret)  # controller.yaml:2"))
        #expect(settings.describe().contains("link.port: 7443  # default"))
        #expect(!settings.describe().joined().contains("hunter2"))
    }

    @Test func unknownVariablesAreTold() {
        let outcome = source.resolve(
            environment: [
                "JESSICA_NAME": "x", "JESSICA_LINK_PROT": "1", "JESSICA_A": "1", "HOME": "/",
            ])
        #expect(outcome.settings != nil)
        #expect(outcome.unknownVariables == ["JESSICA_A", "JESSICA_LINK_PROT"])
    }

    @Test func laterMistakesNameTheirPlace() throws {
        let outcome = source.resolve(
            environment: ["JESSICA_LINK_PORT": "1"], file: file("name: x\nlink: {host: a}"))
        let settings = try #require(outcome.settings)
        #expect(
            settings.mistake("link.host", "no").description == "controller.yaml:2: link.host: no")
        #expect(
            settings.mistake("link.port", "no").description == "JESSICA_LINK_PORT: link.port: no")
        #expect(settings.mistake("log.level", "no").description == "settings: log.level: no")
    }

    @Test func describesItself() {
        let help = source.describe()
        for spec in source.specs {
            #expect(help.contains(spec.flag))
            #expect(help.contains(spec.variable))
            #expect(source.markdown().contains("`\(spec.flag)`"))
        }
        #expect(
            help.contains(
                """
                  --link-port
                      The port.
                      whole number from 1 to 65535; default 7443
                      Also: link.port, JESSICA_LINK_PORT
                """))
        #expect(source.markdown().contains("info\\|debug"))
    }

    @Test func helpStaysBelowItsFlagAndWithinATerminal() {
        let words = Array(repeating: "words", count: 12).joined(separator: " ")
        let path = "/" + String(repeating: "x", count: 90)
        let source = SettingsSource([
            SettingSpec("a", .path, default: path, inFile: false, help: "\(words) a"),
            SettingSpec("b", .bool, inFile: false, help: "\(words) a."),
        ])
        // A line has 79 columns at most.
        #expect(
            source.describe() == """
                  --a
                      \(words) a
                      path; default
                      \(path)
                      Also: JESSICA_A
                  --b
                      \(words)
                      a.
                      true or false
                      Also: JESSICA_B
                """)
    }

    @Test func emptyAndBrokenFiles() {
        #expect(lines("", ["--name", "x"]) == [])
        #expect(lines("# nothing yet\n", ["--name", "x"]) == [])
        #expect(lines("~", ["--name", "x"]).isEmpty)
        #expect(
            lines("- a", ["--name", "x"]) == ["controller.yaml:1: must be a mapping, is a list"])
        #expect(
            lines("a: [", ["--name", "x"]).first?.hasPrefix("controller.yaml:1: not valid YAML")
                == true)
    }

    @Test func mutatedInputNeverTraps() {
        let yaml = Array(
            "name: x\nlink: {port: 1, stop_after: 2h30m}\ncache: {size: 1.5GB}\ntags: [a, b]".utf8)
        let words = [
            "--link-port", "--link-port=0", "--no-verbose", "--no-verbose=1", "--", "-", "--=",
            "-x", "9",
        ]
        let texts = [
            "", "-1", "99999999999999999999", "1e9GB", "1.GB", "\u{0}", "é", ",,", "true", "--name",
        ]
        for _ in 0..<5000 {
            var bytes = yaml
            for _ in 0..<4 {
                bytes[Int.random(in: bytes.indices)] = UInt8.random(in: 0...255)
                bytes.insert(UInt8.random(in: 9...126), at: Int.random(in: bytes.indices))
            }
            let arguments = (0..<5).map { _ in (words + texts).randomElement() ?? "" }
            let outcome = source.resolve(
                arguments: source.parse(arguments),
                environment: [
                    "JESSICA_CACHE_SIZE": texts.randomElement() ?? "",
                    "JESSICA_LINK_STOP_AFTER": texts.randomElement() ?? "",
                ],
                file: file(String(decoding: bytes, as: UTF8.self)))
            #expect((outcome.settings == nil) == !outcome.mistakes.isEmpty)
        }
    }
}
