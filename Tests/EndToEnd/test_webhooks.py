"""Events are delivered to webhooks: signed, in order, none lost, whatever happens to the receiver and the controller."""

import http.server
import json
import os
import signal
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from alone import Controller, Program
from fleet import Fleet, wait_until
from test_api import tools

CLUSTER = """\
fleet: hooked
clusters:
  vision: {nodes: [agx-01], kinds: [image], service: sdxl-api}
services:
  sdxl-api: {replicas: 1, image: jessica/sdxl:latest, contract: cog, memory: 18GB}
"""
# A stranger's library checks every signature.
VERIFY = """
import json, sys
from standardwebhooks import Webhook
secret, tries = json.load(sys.stdin)
for one in tries:
    assert Webhook(secret).verify(one["body"], one["headers"]) == json.loads(one["body"])
    try:
        Webhook(secret).verify(one["body"] + " ", one["headers"])
    except Exception:
        continue
    sys.exit("a changed body was accepted")
print(len(tries))
"""


class Receiver:
    """A real HTTP server; `behave` says the status of each try, or waits before it does."""

    def __init__(self, behave: Callable[[int], int] = lambda _: 204, tls: ssl.SSLContext | None = None):
        self.behave = behave
        self.tries: list[dict[str, Any]] = []
        self.lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                one = {"headers": {key.lower(): value for key, value in self.headers.items()}, "body": body, "json": json.loads(body)}
                with receiver.lock:
                    receiver.tries.append(one)
                    number = len(receiver.tries)
                one["status"] = receiver.behave(number)
                try:
                    self.send_response(one["status"])
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    one["status"] = 0  # Nobody waited for it.

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def taken(self) -> list[dict[str, Any]]:
        with self.lock:
            return [one for one in self.tries if 200 <= one.get("status", 0) < 300]

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *_: Any) -> None:
        self.server.shutdown()
        self.server.server_close()


def post(controller: Controller, path: str, body: Any) -> tuple[int, Any]:
    return controller.call("POST", f"/api/v1{path}", body)


def submit(controller: Controller, count: int) -> list[str]:
    ids = []
    for _ in range(count):
        status, job = post(controller, "/jobs", {"kind": "image", "input": {"prompt": "x"}})
        assert status == 202, job
        ids.append(job["id"])
    return ids


def crash(program: Program) -> None:
    program.process.send_signal(signal.SIGKILL)
    program.process.wait(10)


def events(controller: Controller) -> list[int]:
    status, page = controller.get("/api/v1/events?type=job.state&limit=10000")
    assert status == 200
    return [event["seq"] for event in page["items"]]


@contextmanager
def alone(running: Fleet, folder: Path, settings: str) -> Iterator[tuple[Controller, Callable[[], Program]]]:
    """A controller that is started, and started again, with its fleet."""
    controller = Controller(running, folder, settings)
    file = folder / "cluster.yaml"
    file.write_text(CLUSTER)
    started: list[Program] = []

    def start() -> Program:
        started.append(controller.start("--fleet-file", str(file)))
        return started[-1]

    try:
        yield controller, start
    finally:
        for program in started:
            program.end()


def test_nothing_is_lost_and_the_order_is_kept(running: Fleet, tmp_path: Path) -> None:
    """A receiver that fails, then hangs, then answers; a controller that is killed twice."""
    with alone(running, tmp_path, "webhooks: {allow: [127.0.0.1]}\n") as (controller, start), Receiver(lambda _: 500) as receiver:
        program = start()
        made = controller.jctl("webhook", "create", "hooks", "--url", f"http://127.0.0.1:{receiver.port}/in?key=k", "--topics", "jobs")
        assert made.returncode == 0, made.stderr
        secret = made.stdout.strip()
        assert secret.startswith("whsec_")
        jobs = submit(controller, 5)
        wait_until(lambda: len(receiver.tries) >= 3, 30, "some tries to fail")
        assert {one["headers"]["webhook-id"] for one in receiver.tries} == {receiver.tries[0]["headers"]["webhook-id"]}
        wait_until(lambda: controller.get("/api/v1/webhooks/hooks")[1]["state"] == "retrying", 10, "the state to be seen")
        assert "500" in controller.jctl("webhook").stdout
        assert any(item["name"] == "webhook" and item["subject"] == "hooks" for item in controller.get("/api/v1/diagnosis")[1]["items"])
        crash(program)
        hung = threading.Event()

        def hangs_once(_: int) -> int:
            if hung.is_set():
                return 204
            hung.set()
            threading.Event().wait(7)  # The fault itself: longer than a try may take.
            return 204

        receiver.behave = hangs_once
        program = start()
        jobs += submit(controller, 20)
        wait_until(lambda: len(receiver.taken()) >= 6, 60, "deliveries to go on")
        for job in jobs[:15]:
            assert post(controller, f"/jobs/{job}/cancel", {})[0] in (200, 202)
        # In the midst of it.
        crash(program)
        start()
        jobs += submit(controller, 3)
        wanted = events(controller)
        assert len(wanted) >= 43
        wait_until(lambda: receiver.taken() and receiver.taken()[-1]["json"]["data"]["seq"] == wanted[-1], 60, "the last event to be delivered")
        taken = [one["json"]["data"]["seq"] for one in receiver.taken()]
        assert list(dict.fromkeys(taken)) == wanted, "each event, in order of its first delivery"
        ids = {one["json"]["data"]["seq"]: one["headers"]["webhook-id"] for one in receiver.tries}
        assert all(ids[one["json"]["data"]["seq"]] == one["headers"]["webhook-id"] for one in receiver.tries), "a repeated event has its id again"
        assert len(set(ids.values())) == len(wanted)
        assert all(one["json"]["type"] == "job.state" for one in receiver.tries)
        tries = [{"headers": one["headers"], "body": one["body"]} for one in receiver.tries]
        done = subprocess.run([tools() / "python", "-c", VERIFY], input=json.dumps([secret, tries]), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and int(done.stdout) == len(tries), done.stderr
        wait_until(lambda: controller.get("/api/v1/webhooks/hooks")[1]["lag"] == 0, 10, "the lag to be gone")
        metrics = controller.get("/metrics")[1].decode()
        assert 'jessica_webhook_lag_events{webhook="hooks"} 0' in metrics
        # The secret is nowhere but with the one who made it.
        for place in [tmp_path / "controller.log", *(path for path in (controller.state / "redis").rglob("*") if path.is_file())]:
            assert secret.removeprefix("whsec_").encode() not in place.read_bytes(), place
        assert secret not in json.dumps(controller.get("/api/v1/webhooks")[1])
        assert controller.jctl("webhook", "rm", "hooks").returncode == 0
        assert controller.jctl("webhook", "test", "hooks").returncode == 5


def test_one_that_hangs_holds_up_nobody(running: Fleet, tmp_path: Path) -> None:
    with alone(running, tmp_path, "webhooks: {allow: [127.0.0.0/8]}\n") as (controller, start), Receiver() as quick:
        start()
        over = threading.Event()

        def hangs(_: int) -> int:
            over.wait(60)
            return 204

        with Receiver(hangs) as slow:
            try:
                for number in range(20):
                    assert post(controller, "/webhooks", {"name": f"slow-{number}", "url": f"http://127.0.0.1:{slow.port}/"})[0] == 201
                assert post(controller, "/webhooks", {"name": "quick", "url": f"http://127.0.0.1:{quick.port}/", "topics": ["jobs"]})[0] == 201
                submit(controller, 50)
                wanted = events(controller)
                wait_until(lambda: len(quick.taken()) >= len(wanted), 10, "the quick one to have all")
                assert [one["json"]["data"]["seq"] for one in quick.taken()] == wanted
                assert not slow.taken()
            finally:
                over.set()


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate that signs itself, for a host."""
    paths = folder / f"{name}.crt", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    subprocess.run([*command, "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True, timeout=30)
    return paths


def serving(paths: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*paths)
    return context


def test_tls_is_checked_for_the_name_though_the_address_is_pinned(running: Fleet, tmp_path: Path) -> None:
    good, other = certificate(tmp_path, "localhost"), certificate(tmp_path, "other.example")
    both = tmp_path / "both.pem"
    both.write_bytes(good[0].read_bytes() + other[0].read_bytes())
    settings = f"webhooks: {{allow: [localhost], ca_file: {both}}}\n"
    with alone(running, tmp_path, settings) as (controller, start), Receiver(tls=serving(good)) as mine, Receiver(tls=serving(other)) as its:
        start()
        for name, receiver in (("good", mine), ("bad", its)):
            made = controller.jctl("webhook", "create", name, "--url", f"https://localhost:{receiver.port}/", "--topics", "fleet")
            assert made.returncode == 0, made.stderr
        done = controller.jctl("webhook", "test", "good")
        assert done.returncode == 0, done.stderr
        assert mine.taken()[-1]["json"]["type"] == "webhook.test"
        done = controller.jctl("webhook", "test", "bad")
        assert done.returncode == 1 and "did not take the test" in done.stderr
        assert not its.tries


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "https://127.0.0.1/", "https://[::ffff:10.0.0.1]/", "https://0x7f000001/", "https://169.254.169.254/latest/"])
def test_what_is_not_public_is_refused(running: Fleet, tmp_path: Path, url: str) -> None:
    with alone(running, tmp_path, "# Nothing is allowed.\n") as (controller, start):
        start()
        done = controller.jctl("webhook", "create", "hooks", "--url", url)
        assert done.returncode != 0 and "cannot be used" in done.stderr, done
        # A name can only be looked up when something is delivered.
        assert controller.jctl("webhook", "create", "name", "--url", "https://localhost:8443/").returncode == 0
        done = controller.jctl("webhook", "test", "name")
        assert done.returncode == 1 and "a loopback address" in done.stderr, done.stderr


def test_only_hosts_that_are_meant_are_taken(running: Fleet, tmp_path: Path) -> None:
    with Receiver() as receiver:
        url = f"http://127.0.0.1:{receiver.port}/"
        with alone(running, tmp_path, "webhooks: {allow: [127.0.0.1]}\n") as (controller, start):
            start()
            assert controller.jctl("webhook", "create", "before", "--url", url, "--topics", "fleet").returncode == 0
        with alone(running, tmp_path, 'webhooks: {allow: [127.0.0.1], hosts: ["*.example.org"]}\n') as (controller, start):
            start()
            for other in (url, "https://example.org/", "https://example.com/"):
                done = controller.jctl("webhook", "create", "other", "--url", other)
                assert done.returncode != 0 and "webhooks.hosts" in done.stderr, done
            assert controller.jctl("webhook", "create", "meant", "--url", "https://hooks.example.org/").returncode == 0
            done = controller.jctl("webhook", "test", "before")
            assert done.returncode == 1 and "webhooks.hosts" in done.stderr, done
        assert not [one for one in receiver.tries if one["json"]["type"] == "webhook.test"]


def test_a_setting_that_means_nothing_is_one_line(running: Fleet, tmp_path: Path) -> None:
    controller = Controller(running, tmp_path, "webhooks:\n  allow: [10.0.0.0/33]\n")
    done = controller.refused()
    assert done.returncode == 2 and "webhooks.allow" in done.stderr and "10.0.0.0/33" in done.stderr, done.stderr
    assert os.path.basename(controller.file) in done.stderr
