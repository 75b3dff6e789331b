import AsyncHTTPClient
import FoundationEssentials
import Logging
import NIOCore
import NIOHTTP1

extension DockerEngine {
    /// How long an unpacking layer may be silent; slow flash disks sync for minutes.
    private static let extractionSilenceMax = Duration.seconds(600)

    /// Describes an image the daemon has; nil when it has none of that name or id.
    package func inspectImage(_ reference: String) async throws -> ImageInfo? {
        // An id has no tag, and the daemon accepts it as it is.
        let name: String
        if reference.hasPrefix("sha256:") {
            try Names.check(String(reference.dropFirst(7)), "image id")
            name = reference
        } else {
            name = try ImageReference(reference).description
        }
        do {
            let answer = try await send(Call(.GET, ["images", name, "json"]))
            guard let info = ImageInfo(json: try answer.json()) else {
                throw DockerError(.malformedAnswer, "the daemon describes an image without an id")
            }
            return info
        } catch let error as DockerError where error.status == 404 {
            return nil
        }
    }

    /// The ids of all images the daemon has.
    package func imageIDs() async throws -> Set<String> {
        let answer = try await send(Call(.GET, ["images", "json"])).json()
        return Set(answer.elements.compactMap { $0["Id"].string })
    }

    /// Deletes an image with its name.
    ///
    /// - Parameter id: Its id, `sha256:…`.
    /// - Throws: `.notFound`; `.conflict` when a container is made of it or it has other names.
    package func removeImage(_ id: String) async throws {
        guard id.hasPrefix("sha256:") else {
            throw DockerError(.invalidArgument, "\(id) is no image id")
        }
        try Names.check(String(id.dropFirst(7)), "image id")
        _ = try await send(Call(.DELETE, ["images", id]))
    }

    /// Pulls an image and describes what is there afterwards.
    ///
    /// The pull may take as long as it moves: it is given up when no message came for
    /// `stallTimeout` (for ten minutes at least while a layer is unpacked). Cancelling the task
    /// cancels the pull.
    ///
    /// - Parameters:
    ///   - image: The reference; without a tag, `latest` is pulled.
    ///   - registryAuth: Credentials, when the registry wants some.
    ///   - stallTimeout: The longest silence.
    ///   - onProgress: Called whenever the progress changed, from the pull's own task; keep it short.
    /// - Returns: The image as it is here now.
    /// - Throws: `.imageNotFound`, `.unauthorized`, `.registryUnreachable`, `.stalled`, `.noSpace`,
    ///   `.invalidArgument`, `.unavailable` or `.other`.
    package func pull(
        image: String, registryAuth: RegistryAuth? = nil,
        stallTimeout: Duration = .seconds(120),
        onProgress: @escaping @Sendable (PullProgress) -> Void = { _ in }
    ) async throws -> ImageInfo {
        let reference = try ImageReference(image)
        var call = Call(
            .POST, ["images", "create"],
            query: [("fromImage", reference.repository), ("tag", reference.version)])
        if let registryAuth {
            call.headers.append(("X-Registry-Auth", try registryAuth.header()))
        }
        let request = call
        try await withStallWatch(limit: stallTimeout, "the pull of \(reference)") { activity in
            do {
                let response = try await self.open(request)
                activity.touch()
                try await self.follow(
                    response.body, activity, stallTimeout: stallTimeout, onProgress: onProgress)
            } catch let error as DockerError {
                throw PullFailure.classify(error)
            }
        }
        guard let info = try await inspectImage(reference.description) else {
            throw DockerError(.imageNotFound, "the pull of \(reference) left no image behind")
        }
        return info
    }

    /// Reads the pull's messages to the end; the status was 200 long before a failure can show.
    private func follow(
        _ body: HTTPClientResponse.Body, _ activity: Activity, stallTimeout: Duration,
        onProgress: @Sendable (PullProgress) -> Void
    ) async throws {
        var lines = LineSplitter()
        var tracker = PullTracker()
        func take(_ line: ByteBuffer) throws(DockerError) -> Bool {
            let message = try JSONValue(parsing: line)
            if let text = message["errorDetail"]["message"].string ?? message["error"].string {
                throw PullFailure.classify(message: text, status: nil)
            }
            return tracker.note(message)
        }
        do {
            for try await chunk in body {
                lines.append(chunk)
                var changed = false
                while let line = try lines.next() {
                    if try take(line) { changed = true }
                }
                let limit =
                    tracker.isExtracting
                    ? max(stallTimeout, Self.extractionSilenceMax) : stallTimeout
                activity.touch(nextWithin: limit)
                if changed { onProgress(tracker.progress) }
            }
        } catch {
            throw transportFailure(error)
        }
        if let line = lines.finish(), try take(line) { onProgress(tracker.progress) }
    }
}

extension RegistryAuth {
    /// The value of the header for credentials.
    ///
    /// It must be base64**url**: the daemon ignores anything else without a word and pulls as
    /// nobody.
    func header() throws(DockerError) -> String {
        let json = try JSONValue.map([
            "username": username, "password": password, "serveraddress": serverAddress,
        ]).encoded()
        return Data(json.readableBytesView).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_")
    }
}
