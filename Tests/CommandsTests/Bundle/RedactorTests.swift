import Foundation
import Testing

@testable import Commands

@Suite struct RedactorTests {
    private let redactor = Redactor(known: ["tok-known-4711"])

    @Test(arguments: [
        ("Authorization: Bearer CANARY123456", "Authorization"),
        ("sent 'authorization: Basic Q0FOQVJZOng=CANARY'", "sent"),
        (
            "http://spark:9000/jessica/x.png?X-Amz-Signature=CANARY&X-Amz-Date=1",
            "http://spark:9000/jessica/x.png"
        ),
        ("redis://user:CANARY@spark:6379/0 is away", "spark:6379/0 is away"),
        ("AWS_SECRET_ACCESS_KEY=CANARY in env", "in env"),
        (#"{"password": "CANARY with spaces", "a": 1}"#, #""a": 1"#),
        ("docker login --password CANARY spark", "spark"),
        ("/jessica/x?X-Amz-Credential=CANARY&x=1", "&x=1"),
        ("-----BEGIN EC PRIVATE KEY-----\nCANARY\n-----END EC PRIVATE KEY-----\nrest", "rest"),
        ("key AKIACANARYCANARY1234 used", "used"),
        ("jwt eyJCANARYCANARY.eyJCANARYCANARY.CANARYCANARY used", "used"),
        ("hf_CANARYCANARYCANARY was refused", "was refused"),
        ("the token fct_CANARY00000000000000 ended", "ended"),
        ("saw tok-known-4711CANARY", "saw"),
        ("api-key: CANARY", "api-key"), ("MY_TOKEN='CANARY'", "MY_TOKEN"),
    ])
    func secretsGoAndTheRestStays(_ text: String, _ rest: String) {
        let shown = redactor.text(text)
        let isCleared = !shown.contains("CANARY") || text.contains("4711")
        #expect(isCleared, "\(shown)")
        #expect(!shown.contains("4711"))
        #expect(shown.contains(rest) && shown.contains(Redactor.mark), "\(shown)")
    }

    @Test(arguments: [
        "every vision node is busy, and no roamer is idle", "exit code 1", "sdxl-base-1.0",
        "spark:5000/jessica/sdxl:latest", "https://spark:8443",
        "jessica_jobs_total{cluster=\"a\"} 3",
        "pulled in 12s: sha256:abcdef",
    ])
    func whatIsNoSecretStays(_ text: String) {
        #expect(redactor.text(text) == text)
    }

    @Test func membersNamedLikeSecretsLoseTheirValues() throws {
        let json = try JSONParser.parse(
            Data(
                #"""
                {"name":"n","storage":{"accessKey":"CANARY","secret_key":{"a":"CANARY"},"tokens":5},
                "input":{"prompt":"CANARY"},"list":["password=CANARY"],"token=CANARY":1,"hasToken":true}
                """#.utf8))
        let shown = redactor.json(json).compact
        #expect(!shown.contains("CANARY"), "\(shown)")
        #expect(shown.contains(#""name":"n""#) && shown.contains(#""tokens":5"#))
        #expect(shown.contains(#""hasToken":true"#))
    }

    @Test func whatQuotesAnInputIsFound() throws {
        let known = InputText([
            .object([.init("a", .string("a castle on a hill at night"))]), .string("hush"),
        ])
        let input = try #require(known).finder()
        #expect(
            input.removed(from: "cannot paint 'a castle on a hill at night'")
                == "cannot paint '[removed]'")
        #expect(input.removed(from: "cut: a castle on a hi…") == "cut: [removed]…")
        #expect(input.removed(from: "hush is short") == "[removed] is short")
        #expect(input.removed(from: "exit code 1") == "exit code 1")
        #expect(input.removed(from: "") == "")
    }

    @Test func anInputTooLargeToBeLookedThroughIsNotKnown() {
        let half = JSONValue.string(String(repeating: "a", count: 128 << 10))
        #expect(InputText([half, half]) != nil)
        #expect(InputText([half, half, .string("CANARY")]) == nil)
    }

    @Test func aFleetFileKeepsItsMeaning() throws {
        let source = """
            # CANARY in a comment
            fleet: jessica
            storage: {endpoint: "http://user:CANARY@spark:9000", secret: CANARY}
            services:
              api: {image: "jessica/api:1", env: {FOO: CANARY}, gpu: true, replicas: 2, memory: 18GB}
              text: |
                token: CANARY
            """
        let shown = try PlainYAML.read(source, redactor)
        #expect(!shown.contains("CANARY"), "\(shown)")
        for line in ["fleet: jessica", "gpu: true", "replicas: 2", "image: \"jessica/api:1\""] {
            #expect(shown.contains(line), "\(shown)")
        }
    }
}
