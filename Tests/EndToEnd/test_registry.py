"""A registry that fails in the middle of a pull: the job says so, is tried again, and the next pull is fine.

And one whose tags are moved: what was accepted stays what it was.
"""

import threading
import uuid
from collections.abc import Callable
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from alone import Controller, free_port
from fleet import Fleet, describe, wait_until
from test_storage import ROAMER_FLEET, clear, is_idle

NAME = "storage-test"


class FaultyRegistry(ThreadingHTTPServer):
    """Hands requests on to the registry of all tests; with a fault, layers come wrong, slowly or not at all."""

    daemon_threads = True

    def __init__(self, upstream: int):
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = upstream
        self.fault = ""
        self.struck = 0
        self.healed = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self.server_address[1]

    def heal(self) -> None:
        self.fault = ""
        self.healed.set()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyRegistry

    def do_HEAD(self) -> None:
        self.pass_on()

    def do_GET(self) -> None:
        self.pass_on()

    def pass_on(self) -> None:
        connection = HTTPConnection("127.0.0.1", self.server.upstream, timeout=30)
        connection.request(self.command, self.path, headers={"Accept": ", ".join(self.headers.get_all("Accept") or ["*/*"])})
        answer = connection.getresponse()
        body = answer.read()
        fault = self.server.fault
        # The large blob is the layer that is new; the small one is the image's description.
        is_layer = "/blobs/" in self.path and len(body) > 100_000
        if fault == "500" and "/manifests/" in self.path:
            self.server.struck += 1
            self.send_response(500)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(answer.status)
        for name in ("Content-Type", "Docker-Content-Digest", "Docker-Distribution-Api-Version"):
            if answer.getheader(name):
                self.send_header(name, answer.getheader(name))
        self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault and is_layer:
            self.server.struck += 1
            if fault == "corrupt":
                body = body[:1000] + b"rot" + body[1003:]
            if fault == "stall":
                self.wfile.write(body[:50_000])
                self.wfile.flush()
                self.server.healed.wait(120)
                self.close_connection = True
                return
            if fault == "slow":
                # A few seconds, whatever its size.
                piece = len(body) // 40 + 1
                for start in range(0, len(body), piece):
                    self.wfile.write(body[start : start + piece])
                    self.server.healed.wait(0.1)
                return
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(("fault", "says"), [("500", "500"), ("corrupt", "verification failed"), ("stall", "no progress")])
def test_a_fault_fails_the_attempt_and_the_next_pull_is_fine(running: Fleet, tmp_path: Path, fault: str, says: str) -> None:
    image = running.fresh_image(tmp_path / "image", 320_000).partition("/")[2]
    registry = FaultyRegistry(int(running.settings["registry"]))
    registry.fault = fault
    file = tmp_path / "fleet.yaml"
    file.write_text(ROAMER_FLEET.format(name=NAME, registry=running.registry, storage=""))
    controller = Controller(running, tmp_path, f"fleet_file: {file}\n")
    full = f"127.0.0.1:{registry.port}/{image}"
    try:
        with controller.start(), controller.agent(running, "agx-11", NAME, "docker: {pull_stall: 3s}\n"):
            wait_until(lambda: is_idle(controller), 60, "the roamer to be idle")
            run = controller.jctl("run", "-d", "--retries", "2", "--image", full, "--", "true")
            assert run.returncode == 0, run
            look: Callable[[], dict] = lambda: controller.get(f"/api/v1/jobs/{run.stdout.strip()}")[1]
            wait_until(lambda: any(attempt["state"] == "failed" for attempt in look()["attempts"]), 60, "the attempt to fail")
            first = look()["attempts"][0]
            assert registry.struck > 0 and first["error"]["code"] == "pull_failed", first
            assert says in first["error"]["message"], first
            registry.heal()
            controller.jctl("wait", run.stdout.strip())
            done = look()
            assert done["state"] == "succeeded" and len(done["attempts"]) == 2, done
    finally:
        registry.heal()
        registry.shutdown()
        clear(running)
        running.docker("image", "rm", full, check=False)


def test_an_image_of_another_registry_is_refused(running: Fleet, tmp_path: Path) -> None:
    # It is here under that name, and would run.
    other = f"127.0.0.1:{free_port()}/jessica/base:latest"
    running.docker("tag", "jessica/base:latest", other)
    file = tmp_path / "fleet.yaml"
    file.write_text(ROAMER_FLEET.format(name=NAME, registry=running.registry, storage=""))
    controller = Controller(running, tmp_path, f"fleet_file: {file}\n")

    def run(image: str) -> dict:
        begun = controller.jctl("run", "-d", "--retries", "2", "--image", image, "--", "true")
        assert begun.returncode == 0, begun
        controller.jctl("wait", begun.stdout.strip())
        return controller.get(f"/api/v1/jobs/{begun.stdout.strip()}")[1]

    try:
        with controller.start(), controller.agent(running, "agx-11", NAME, f'docker: {{registries: ["{running.registry}"]}}\n'):
            wait_until(lambda: is_idle(controller), 60, "the roamer to be idle")
            refused = run(other)
            assert refused["state"] == "failed" and refused["error"]["code"] == "image_not_allowed", refused
            message = refused["error"]["message"]
            assert other in message and f"takes images from {running.registry} only" in message, message
            # What can never succeed is not tried again.
            assert len(refused["attempts"]) == 1, refused
            done = run("jessica/base:latest")
            assert done["state"] == "succeeded", done
    finally:
        clear(running)
        running.docker("image", "rm", other, check=False)


def push(fleet: Fleet, folder: Path, name: str, code: int) -> None:
    """An image that knows a number, only in the registry."""
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM jessica/base:latest\nCOPY code /code\n")
    (folder / "code").write_text(str(code))
    fleet.docker("build", "-t", name, str(folder))
    fleet.docker("push", name)
    fleet.docker("image", "rm", name)


def test_a_job_runs_the_image_it_was_accepted_with(fleet: Fleet, tmp_path: Path) -> None:
    image = f"jessica/moving-{uuid.uuid4().hex[:8]}:1"
    ask = lambda: fleet.run("sh", "-c", "exit $(cat /code)", image=image)
    push(fleet, tmp_path / "first", f"{fleet.registry}/{image}", 21)
    job = ask()
    assert job["imageDigest"].startswith("sha256:"), job
    fleet.wait(job)
    push(fleet, tmp_path / "second", f"{fleet.registry}/{image}", 22)
    # It has to come from the registry again, where no tag names it any more.
    fleet.settle()
    fleet.docker("image", "rm", f"{fleet.registry}/{image.partition(':')[0]}@{job['imageDigest']}")
    fleet.post(f"/jobs/{job['id']}/retry")
    again = fleet.wait(job)
    assert [attempt.get("exitCode") for attempt in again["attempts"]] == [21, 21], describe(again)
    later = fleet.wait(ask())
    assert [attempt.get("exitCode") for attempt in later["attempts"]] == [22], describe(later)
    assert again["imageDigest"] == job["imageDigest"] != later["imageDigest"]


def test_an_image_that_was_never_pushed_runs_as_it_is_named(fleet: Fleet) -> None:
    image = f"jessica/local-{uuid.uuid4().hex[:8]}:1"
    fleet.docker("tag", "jessica/base:latest", f"{fleet.registry}/{image}")
    try:
        job = fleet.succeed(fleet.run("true", image=image))
        assert "imageDigest" not in job, job
    finally:
        fleet.docker("image", "rm", f"{fleet.registry}/{image}")
