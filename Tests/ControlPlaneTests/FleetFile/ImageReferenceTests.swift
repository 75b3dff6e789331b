import Testing

@testable import ControlPlane

@Suite struct ImageReferenceTests {
    private static let digest = "sha256:" + String(repeating: "0a", count: 32)

    @Test(arguments: [
        "x", "jessica/sdxl:latest", "spark:5000/jessica/sdxl:latest", "localhost/x",
        "ghcr.io/a/b-c_d.e__f",
        "a---b/c", "x:1.0-RC_1", "x@" + digest, "spark:5000/x:1@" + digest, "[::1]:5000/x",
        "spark:5000",
        "Spark.Local:5000/x", "x:" + String(repeating: "t", count: 128),
    ])
    func good(text: String) {
        #expect(ImageReference.problem(in: text) == nil)
    }

    @Test(arguments: [
        "", " x", "x ", "X", "a/X", "/x", "x/", "a//b", "x:", ":x", "x:a:b", "-x", "x-", "a..b",
        "a___b",
        "a._b", "x@", "x@sha256:", "x@md5:" + String(repeating: "0", count: 64),
        "x@" + digest + "0",
        "x@" + digest.uppercased(), "x@" + digest + "@" + digest, "http://x", "x\n", "x\u{0}", "é",
        "x:é",
        "spark:0/x", "spark:99999/x", "spark:/x", "[::1/x", "$(x)", "x;y", "x --privileged",
        "x:" + String(repeating: "t", count: 129), String(repeating: "a", count: 256), "a/../b",
        ".", "..",
    ])
    func bad(text: String) {
        #expect(ImageReference.problem(in: text) != nil)
    }
}
