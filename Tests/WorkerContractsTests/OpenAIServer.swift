import AsyncHTTPClient
import Foundation
import Testing

@testable import WorkerContracts

/// A real OpenAI-compatible server as a child process: LiteLLM's proxy, whose models say what they are
/// told to, or what another server says.
final class OpenAIServer: Sendable {
    static let version = "1.81.0"
    static let text = "Once upon a time there was a small server."
    /// An image of one pixel.
    static let png =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAAB"
        + "JRU5ErkJggg=="

    let baseURL: String
    let folder: String
    private let process: Process

    /// Starts a server.
    ///
    /// With a key, it takes no calls without it. What its models `sketcher` and `speaker` are asked for, it
    /// asks for at `upstream`; nobody is there unless one is named.
    init(key: String? = nil, upstream: String = "http://127.0.0.1:1") throws {
        let environment = try PythonServer.environment(
            "litellm-\(Self.version)", installing: "litellm[proxy]==\(Self.version)")
        let port = try freePort()
        folder = NSTemporaryDirectory() + "/jessica-openai-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        try Self.config(upstream).write(
            toFile: folder + "/config.yaml", atomically: true, encoding: .utf8)
        try "".write(toFile: folder + "/server.log", atomically: true, encoding: .utf8)
        let log = FileHandle(forWritingAtPath: folder + "/server.log")
        baseURL = "http://127.0.0.1:\(port)"
        process = Process()
        process.executableURL = URL(fileURLWithPath: environment + "/bin/python")
        process.arguments = [
            "-c", PythonServer.launcher, environment + "/bin/python", environment + "/bin/litellm",
            "--config", "config.yaml", "--host", "127.0.0.1", "--port", "\(port)",
        ]
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        var variables = ProcessInfo.processInfo.environment
        // Else it fetches a table of prices first.
        variables["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
        variables["LITELLM_MASTER_KEY"] = key
        process.environment = variables
        process.standardOutput = log
        process.standardError = log
        try process.run()
    }

    var log: String { (try? String(contentsOfFile: folder + "/server.log", encoding: .utf8)) ?? "" }

    func stop() {
        _ = Foundation.kill(-process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Of images and speech it takes only what it knows by OpenAI's names of models.
    private static func config(_ upstream: String) -> String {
        """
        model_list:
          - model_name: teller
            litellm_params: {model: openai/teller, api_key: none, mock_response: "\(text)"}
          - model_name: limited
            litellm_params: {model: openai/limited, api_key: none, mock_response: "litellm.RateLimitError"}
          - model_name: broken
            litellm_params: {model: openai/broken, api_key: none, mock_response: "litellm.InternalServerError"}
          - model_name: painter
            litellm_params: {model: openai/dall-e-2, api_key: none, mock_response: "data:image/png;base64,\(png)"}
          - model_name: sketcher
            litellm_params: {model: openai/dall-e-2, api_key: none, api_base: "\(upstream)/v1"}
          - model_name: speaker
            litellm_params: {model: openai/tts-1, api_key: none, api_base: "\(upstream)/v1"}
        litellm_settings: {num_retries: 0}
        router_settings: {num_retries: 0, disable_cooldowns: true}
        """
    }
}
