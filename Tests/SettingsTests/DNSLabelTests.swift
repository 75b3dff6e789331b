import Settings
import Testing

@Suite struct DNSLabelTests {
    @Test(arguments: ["a", "agx-01", "0", String(repeating: "a", count: 63)])
    func aLabelIsTaken(_ text: String) {
        #expect(DNSLabel.problem(text) == nil)
    }

    @Test(arguments: ["", "-a", "a-", "a_b", "a.b", "é", String(repeating: "a", count: 64)])
    func whatIsNoneIsRefused(_ text: String) throws {
        let problem = try #require(DNSLabel.problem(text))
        #expect(!problem.contains("write"), "\(problem)")
    }

    @Test func theRightCaseIsSaid() {
        #expect(DNSLabel.problem("AGX-01")?.hasSuffix("\"AGX-01\"; write agx-01") == true)
        #expect(DNSLabel.problem("AGX_01")?.contains("write") == false)
    }
}
