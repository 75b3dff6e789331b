import AsyncHTTPClient
import Foundation
import Testing

@testable import WorkerContracts

/// The two generations of the cog server that are in the field.
enum CogGeneration: String, CaseIterable, Sendable {
    case newer = "0.23.1"
    case older = "0.16.12"
}

/// A real cog server as a child process, running a predictor written for the tests.
final class CogServer: Sendable {
    static let cacheFolder =
        ProcessInfo.processInfo.environment["JESSICA_TEST_CACHE"] ?? "/tmp/jessica-test-cache"

    let baseURL: String
    let folder: String
    private let process: Process

    /// Starts a server; ready only after its setup, which takes `setupSeconds`.
    init(
        _ generation: CogGeneration, predictor: String = "Predictor", setupSeconds: Double = 0,
        failSetup: Bool = false, uploadURL: String? = nil
    ) throws {
        let environment = try PythonServer.environment(
            "cog-\(generation.rawValue)", installing: "cog==\(generation.rawValue)")
        let port = try freePort()
        folder = NSTemporaryDirectory() + "/jessica-cog-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        try Self.predictors.write(toFile: folder + "/predict.py", atomically: true, encoding: .utf8)
        try "predict: \"predict.py:\(predictor)\"\nbuild:\n  python_version: \"3.11\"\n"
            .write(toFile: folder + "/cog.yaml", atomically: true, encoding: .utf8)
        try "".write(toFile: folder + "/server.log", atomically: true, encoding: .utf8)
        let log = FileHandle(forWritingAtPath: folder + "/server.log")
        baseURL = "http://127.0.0.1:\(port)"
        process = Process()
        process.executableURL = URL(fileURLWithPath: environment + "/bin/python")
        let command = [
            environment + "/bin/python", "-m", "cog.server.http", "--host", "127.0.0.1",
        ]
        process.arguments =
            ["-c", PythonServer.launcher]
            + (uploadURL.map { CogCommand.sendingUploads(to: $0, command) } ?? command)
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        var variables = ProcessInfo.processInfo.environment
        // The newer server starts its model with whatever "python" the path names.
        variables["PATH"] = environment + "/bin:" + (variables["PATH"] ?? "/usr/bin:/bin")
        variables["PORT"] = "\(port)"
        variables["COG_PREDICT_TYPE_STUB"] = "predict.py:\(predictor)"
        variables["SETUP_SECONDS"] = "\(setupSeconds)"
        variables["SETUP_FAIL"] = failSetup ? "1" : nil
        process.environment = variables
        process.standardOutput = log
        process.standardError = log
        try process.run()
    }

    /// How often a model with that prompt has begun to work.
    func runs(_ prompt: String) -> Int {
        let text = (try? String(contentsOfFile: folder + "/runs", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").filter { $0 == prompt }.count
    }

    var log: String { (try? String(contentsOfFile: folder + "/server.log", encoding: .utf8)) ?? "" }

    var isRunning: Bool { process.isRunning }

    /// Ends the server and its model at once, as a crash would.
    func kill() { _ = Foundation.kill(-process.processIdentifier, SIGKILL) }

    func stop() {
        kill()
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: folder)
    }

    private static let predictors = """
        import os, tempfile, time
        from typing import Any, List
        from cog import BaseModel, BasePredictor, ConcatenateIterator, Input, Path

        def file(name, data):
            path = os.path.join(tempfile.mkdtemp(dir=os.getcwd()), name)
            with open(path, "wb") as f: f.write(data)
            return Path(path)

        class Predictor(BasePredictor):
            def setup(self):
                time.sleep(float(os.environ.get("SETUP_SECONDS", "0")))
                if os.environ.get("SETUP_FAIL"): raise RuntimeError("no weights here")
            def predict(self, prompt: str = Input(), seconds: float = Input(default=0.2), mode: str = Input(default="file")) -> Path:
                with open("runs", "a") as f: f.write(prompt + "\\n")
                print("working on " + prompt)
                end = time.time() + seconds
                while time.time() < end: time.sleep(0.02)
                if mode == "fail": raise ValueError("cannot paint " + prompt)
                if mode == "die": os._exit(3)
                return file("out.png", b"\\x89PNG" + prompt.encode())

        class Files(BasePredictor):
            def predict(self, prompt: str = Input()) -> List[Path]:
                return [file("a.png", b"A"), file("b.jpg", b"B"), file("c", b"C")]

        class Big(BasePredictor):
            def predict(self, prompt: str = Input()) -> Path:
                return file("film.mp4", bytes(range(251)) * int(prompt))

        class Out(BaseModel):
            audio: Path
            text: str
            n: int

        class Object(BasePredictor):
            def predict(self, prompt: str = Input()) -> Out:
                return Out(audio=file("x.wav", b"W"), text="hello", n=3)

        class Reads(BasePredictor):
            def predict(self, image: Path = Input()) -> str:
                data = open(image, "rb").read()
                return f"{len(data)} bytes, {sum(data)} in all"

        class Tokens(BasePredictor):
            def predict(self, prompt: str = Input()) -> ConcatenateIterator[str]:
                yield "a "
                yield "b"

        class Anything(BasePredictor):
            def predict(self, prompt: str = Input()) -> Any:
                return {"boxes": [1, 2.5, {"k": "v"}], "ok": True}
        """
}

func runScript(_ script: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", script]
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "a preparing script failed")
}
