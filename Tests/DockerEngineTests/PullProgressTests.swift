import NIOCore
import Testing

@testable import DockerEngine

@Suite("Following a pull")
struct PullProgressTests {
    private func progress(_ lines: [String]) throws -> PullProgress {
        var tracker = PullTracker()
        for line in lines { _ = tracker.note(try JSONValue(parsing: ByteBuffer(string: line))) }
        return tracker.progress
    }

    @Test("adds up the layers")
    func sums() throws {
        var lines = [
            #"{"status":"Pulling from sdxl","id":"latest"}"#,
            #"{"status":"Already exists","progressDetail":{},"id":"a"}"#,
            #"{"status":"Pulling fs layer","progressDetail":{},"id":"b"}"#,
            #"{"status":"Pulling fs layer","progressDetail":{},"id":"c"}"#,
            #"{"status":"Downloading","progressDetail":{"current":10,"total":100},"id":"b"}"#,
        ]
        var now = try progress(lines)
        #expect(now.layersTotal == 3 && now.layersDone == 1)
        #expect(now.bytesDone == 10 && now.bytesTotal == 100 && now.phase == "downloading")
        #expect(!now.isTotalKnown, "a layer waits")
        lines += [
            #"{"status":"Download complete","progressDetail":{},"id":"b"}"#,
            #"{"status":"Extracting","progressDetail":{"current":3,"total":100},"id":"b"}"#,
            #"{"status":"Download complete","progressDetail":{},"id":"c"}"#,
        ]
        now = try progress(lines)
        #expect(now.bytesDone == 100 && now.bytesTotal == 100 && now.phase == "extracting")
        #expect(now.isTotalKnown)
        lines += [
            #"{"status":"Pull complete","progressDetail":{},"id":"b"}"#,
            #"{"status":"Pull complete","progressDetail":{},"id":"c"}"#,
            #"{"status":"Digest: sha256:00"}"#, #"{"status":"Status: Downloaded newer image"}"#,
        ]
        now = try progress(lines)
        #expect(now.layersDone == 3 && now.phase == "complete")
    }

    @Test("survives numbers that cannot be")
    func hostile() throws {
        let max = Int64.max
        let now = try progress([
            #"{"status":"Downloading","progressDetail":{"current":-5,"total":-1},"id":"a"}"#,
            #"{"status":"Downloading","progressDetail":{"current":\#(max),"total":\#(max)},"id":"b"}"#,
            #"{"status":"Downloading","progressDetail":{"current":\#(max),"total":1},"id":"c"}"#,
            #"{"status":"Downloading","progressDetail":null,"id":"d"}"#,
            #"{"status":7}"#, "[]", "null",
        ])
        #expect(now.bytesDone == max && now.bytesTotal == max)
        let many = try progress(
            (0..<5000).map { #"{"status":"Waiting","id":"\#($0)"}"# })
        #expect(many.layersTotal == 1024)
    }

    @Test(
        "sorts failures",
        arguments: [
            (
                "manifest for r/x:1 not found: manifest unknown: manifest unknown",
                DockerError.Code.imageNotFound
            ),
            (
                "pull access denied for x, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
                .imageNotFound
            ),
            (
                "Get \"http://127.0.0.1:9/v2/\": dial tcp 127.0.0.1:9: connect: connection refused",
                .registryUnreachable
            ),
            (
                "Get https://r/v2/: dial tcp: lookup r on 1.1.1.1:53: no such host",
                .registryUnreachable
            ),
            ("Get https://r/v2/: net/http: TLS handshake timeout", .registryUnreachable),
            ("Get https://r/v2/x: unauthorized: authentication required", .unauthorized),
            ("Head https://r/v2/x: no basic auth credentials", .unauthorized),
            ("write /var/lib/docker/tmp/x: no space left on device", .noSpace),
            (
                "failed to register layer: Error processing tar file(exit status 1): write /x: no space left on device",
                .noSpace
            ),
            ("no matching manifest for linux/arm64 in the manifest list entries", .imageNotFound),
            ("something new", .other),
        ])
    func failures(_ sample: (String, DockerError.Code)) {
        #expect(PullFailure.classify(message: sample.0, status: nil).code == sample.1)
    }
}
