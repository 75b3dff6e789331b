"""A running fleet as the tests see it: its processes, its containers, its API, its events."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from events import EventLog

ROOT = Path(__file__).resolve().parents[2]
ENDED = ("succeeded", "failed", "cancelled")
DEDICATED = [f"agx-{number:02}" for number in range(1, 11)]
ROAMERS = [f"agx-{number:02}" for number in range(11, 16)]
# A slower machine than ours may need more patience everywhere.
PATIENCE = float(os.environ.get("JESSICA_TEST_PATIENCE", "1"))


class Late(AssertionError):
    """Something did not happen in time."""


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path, timeout: float = 30):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def is_alive(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def most_memory(pid: int) -> int:
    """The most memory a process has had, in MiB."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) >> 10


class Daemon:
    """One of the fleet's processes, as Scripts/demo started it; it can be killed and started again just so."""

    def __init__(self, fleet: "Fleet", name: str):
        self.name = name
        self.pid_file = fleet.state / "run" / f"{name}.pid"
        self.log = fleet.state / "logs" / f"{name}.log"
        self.child: subprocess.Popen[bytes] | None = None
        self.arguments: list[str] = []
        self.environment: dict[str, str] = {}

    @property
    def pid(self) -> int:
        return int(self.pid_file.read_text())

    def is_alive(self) -> bool:
        try:
            return is_alive(self.pid)
        except (OSError, ValueError):
            return False

    def remember(self) -> None:
        """How it was called, to call it so again."""
        if self.is_alive():
            read = lambda what: [word for word in Path(f"/proc/{self.pid}/{what}").read_bytes().decode().split("\0") if word]
            self.arguments = read("cmdline")
            self.environment = dict(word.partition("=")[::2] for word in read("environ"))

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9, and it is gone when this returns."""
        self.remember()
        assert self.is_alive(), f"{self.name} is not running"
        self.send(signal.SIGKILL)
        if self.child:
            self.child.wait(10)
            self.child = None
        wait_until(lambda: not self.is_alive(), 10, f"{self.name} to be gone")

    def pause(self) -> None:
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        if self.is_alive():
            self.send(signal.SIGCONT)

    def start(self) -> None:
        assert not self.is_alive(), f"{self.name} is running already"
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment, start_new_session=True
            )
        self.pid_file.write_text(f"{self.child.pid}\n")


class Fleet:
    """The fleet of Scripts/demo in a state folder."""

    def __init__(self, state: Path):
        self.state = state
        self.settings = dict(line.partition("=")[::2] for line in (state / "settings").read_text().splitlines())
        self.socket = state / "controller" / "controller.sock"
        self.bin = Path(self.settings["bin"])
        self.name = self.settings["fleet"]
        self.registry = f"127.0.0.1:{self.settings['registry']}"
        self.link_port = int(self.settings["link"])
        self.controller = Daemon(self, "controller")
        self.agents = {name: Daemon(self, f"agent-{name}") for name in DEDICATED + ROAMERS}
        for daemon in self.daemons():
            daemon.remember()
        # Those that Docker had when the test began; not its own.
        self.volumes_before: set[str] = set()
        self.events = EventLog(lambda: UnixConnection(self.socket, timeout=40))

    def daemons(self) -> list[Daemon]:
        return [self.controller, *self.agents.values()]

    # The API

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, timeout: float = 75) -> tuple[int, Any]:
        """One request; the answer's JSON, or its bytes when it is none."""
        connection = UnixConnection(self.socket, timeout)
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            content = answer.read()
            if "json" in (answer.getheader("Content-Type") or ""):
                return answer.status, json.loads(content)
            return answer.status, content
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """What a GET below /api/v1 answers; it must succeed."""
        status, answer = self.call("GET", f"/api/v1{path}")
        assert status == 200, f"GET {path}: {status} {answer}"
        return answer

    def post(self, path: str, body: Any = None) -> Any:
        status, answer = self.call("POST", f"/api/v1{path}", body if body is not None else {})
        assert status in (200, 202), f"POST {path}: {status} {answer}"
        return answer

    def items(self, path: str) -> list[dict[str, Any]]:
        """All items of a list, page by page."""
        found, cursor = [], None
        while True:
            mark = "&" if "?" in path else "?"
            page = self.get(path + (f"{mark}cursor={cursor}" if cursor else ""))
            found += page["items"]
            cursor = page.get("next")
            if not cursor:
                return found

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels; 0 when there is none yet."""
        status, text = self.call("GET", "/metrics")
        assert status == 200
        lines = [line for line in text.decode().splitlines() if line.split("{")[0].split(" ")[0] == name]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    # Jobs

    def submit(self, kind: str, input: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        """An accepted job; fields are the API's, such as retrySafe=False."""
        status, job = self.call("POST", "/api/v1/jobs", {"kind": kind, "input": input or {}, **fields})
        assert status == 202, f"the job was answered with {status} {job}"
        return job

    def run(self, *command: str, image: str = "jessica/base:latest", **fields: Any) -> dict[str, Any]:
        """A job that runs a command on a roamer."""
        return self.submit("custom", image=image, command=list(command), **fields)

    def job(self, job: dict[str, Any] | str) -> dict[str, Any]:
        return self.get(f"/jobs/{job if isinstance(job, str) else job['id']}")

    def wait(self, job: dict[str, Any] | str, within: float = 60, goal: str = "ended") -> dict[str, Any]:
        """The job once it has reached a state, or ended; by the API's own long poll."""
        id = job if isinstance(job, str) else job["id"]
        end = time.monotonic() + within * PATIENCE
        while True:
            left = end - time.monotonic()
            seen = self.get(f"/jobs/{id}?wait={max(0, min(int(left) + 1, 30))}&for={goal}")
            if seen["state"] == goal or seen["state"] in ENDED:
                assert goal == "ended" or seen["state"] == goal, f"job {id} is not {goal} but {describe(seen)}"
                return seen
            if time.monotonic() >= end:
                raise Late(f"job {id} not {goal} within {within:.0f} s: {describe(seen)}")

    def succeed(self, job: dict[str, Any] | str, within: float = 60) -> dict[str, Any]:
        """The job once it has succeeded."""
        done = self.wait(job, within)
        assert done["state"] == "succeeded", describe(done)
        return done

    def wait_all(self, jobs: list[dict[str, Any]], within: float) -> list[dict[str, Any]]:
        end = time.monotonic() + within * PATIENCE
        return [self.wait(job, max(1.0, end - time.monotonic()) / PATIENCE) for job in jobs]

    def output(self, job: dict[str, Any], name: str) -> bytes:
        status, data = self.call("GET", f"/api/v1/jobs/{job['id']}/outputs/{name}")
        assert status == 200, f"output {name}: {status} {data}"
        return data if isinstance(data, bytes) else json.dumps(data).encode()

    def endings(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        """The events that say that a job has ended; there must be one."""
        return [event for event in self.items(f"/jobs/{job['id']}/events") if event["type"] == "job.state" and event.get("to") in ENDED]

    def assert_ended_once(self, job: dict[str, Any]) -> None:
        endings = self.endings(job)
        assert len(endings) == 1, f"job {job['id']} ended {len(endings)} times: {endings}"
        seen = self.job(job)
        winners = [attempt for attempt in seen["attempts"] if attempt["state"] == "succeeded"]
        assert len(winners) == (1 if seen["state"] == "succeeded" else 0), describe(seen)

    # Nodes

    def node(self, name: str) -> dict[str, Any]:
        return self.get(f"/nodes/{name}")

    def roamer(self, name: str) -> str:
        return self.node(name)["roamer"]["state"]

    def unready(self) -> list[str]:
        """What keeps the fleet from being all ready and at rest."""
        wrong = []
        for node in self.items("/nodes"):
            if node["state"] != "ready" or not node["schedulable"]:
                wrong.append(f"{node['name']} is {node['state']}: {node.get('reason')}")
            elif node["role"] == "roamer":
                if node["roamer"]["state"] != "IDLE":
                    wrong.append(f"{node['name']} is {node['roamer']['state']}: {node['roamer'].get('reason')}")
            else:
                wrong += [f"{pod['name']} on {node['name']} is {pod['state']}" for pod in node["pods"] if pod["state"] != "ready"]
                if not node["pods"]:
                    wrong.append(f"{node['name']} has no pod")
        return wrong

    def is_serving(self) -> bool:
        return self.call("GET", "/readyz", timeout=5)[0] == 200

    def settle(self, within: float = 120) -> None:
        """Whatever a test has done: everything runs, nothing is asked for, all roamers are IDLE."""
        for daemon in self.daemons():
            if not daemon.is_alive():
                daemon.start()
            daemon.resume()
        try:
            self.until(self.is_serving, 30, "the controller to be ready")
        except Late:
            # Half-dead since the test before, which has failed for it; this one shall not.
            self.controller.kill()
            self.controller.start()
            self.until(self.is_serving, 30, "the controller to be ready")
        for job in self.items("/jobs?state=active&limit=1000"):
            self.call("POST", f"/api/v1/jobs/{job['id']}/cancel", {})
        for node in self.items("/nodes"):
            if node.get("draining"):
                self.post(f"/nodes/{node['name']}/undrain")
            if node.get("cordoned"):
                self.post(f"/nodes/{node['name']}/uncordon")

        def at_rest() -> bool:
            for roamer in self.items("/roamers"):
                # Not waiting for it to be idle long enough.
                if roamer["roamer"]["state"] in ("ASSIGNED", "PROVISIONING", "RUNNING") and not (roamer["roamer"].get("assignment") or {}).get("releasing"):
                    self.call("POST", f"/api/v1/roamers/{roamer['name']}/release", {})
            return not self.unready() and not self.items("/jobs?state=active&limit=10")

        self.until(at_rest, within, lambda: "the fleet to come to rest: " + "; ".join(self.unready()[:5]))

    # Waiting

    def mark(self) -> int:
        """The number of the latest event, to look only at what comes after."""
        return self.events.catch_up()

    def until(self, condition: Callable[[], Any], within: float, what: str | Callable[[], str]) -> Any:
        """Waits until a condition holds, looking again with each event of the fleet."""
        end = time.monotonic() + within * PATIENCE
        while True:
            seen = self.events.count
            try:
                result = condition()
            except (OSError, http.client.HTTPException):
                result = None  # The controller may be away just now.
            if result:
                return result
            left = end - time.monotonic()
            if left <= 0:
                raise Late(f"waited {within:.0f} s for {what if isinstance(what, str) else what()}")
            # What has no event, such as a container's end, is seen at the next look.
            self.events.wait_for_more(seen, min(left, 0.5))

    def expect(self, after: int, within: float, what: str, **fields: Any) -> dict[str, Any]:
        """The first event after a mark with these fields, such as type="job.state", to="running"."""
        return self.until(lambda: next(self.seen(after, **fields), None), within, what)

    def seen(self, after: int, **fields: Any) -> Iterator[dict[str, Any]]:
        return (event for event in self.events.after(after) if all(event.get(key) == value for key, value in fields.items()))

    # jctl and Docker

    def jctl(self, *arguments: str, timeout: float = 120, input: str | None = None) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("JCTL_", "JESSICA_"))}
        environment |= {"JCTL_ENDPOINT": str(self.socket), "NO_COLOR": "1"}
        return subprocess.run([self.bin / "jctl", *arguments], env=environment, input=input or "", capture_output=True, text=True, timeout=timeout)

    def jctl_json(self, *arguments: str, timeout: float = 120) -> Any:
        done = self.jctl(*arguments, "-o", "json", timeout=timeout)
        assert done.returncode == 0, f"jctl {' '.join(arguments)}: {done.returncode} {done.stderr}"
        return json.loads(done.stdout)

    def docker(self, *arguments: str, check: bool = True, timeout: float = 60) -> str:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("DOCKER_")}
        environment |= {"DOCKER_HOST": f"unix://{self.settings['socket']}", "DOCKER_BUILDKIT": "0"}
        done = subprocess.run(["docker", *arguments], env=environment, capture_output=True, text=True, timeout=timeout)
        assert not check or done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
        return done.stdout.strip()

    def fresh_image(self, folder: Path, size: int, more: str = "") -> str:
        """An image that is only in the registry, with a layer of so many bytes that is nowhere else.

        `more` are further lines of its Dockerfile.
        """
        name = f"{self.registry}/jessica/fresh:{uuid.uuid4().hex[:8]}"
        folder.mkdir()
        (folder / "Dockerfile").write_text(f"FROM jessica/base:latest\nCOPY noise /noise\n{more}")
        (folder / "noise").write_bytes(os.urandom(size))
        self.docker("build", "-t", name, str(folder))
        self.docker("push", name)
        self.docker("image", "rm", name)
        return name

    def containers(self, **labels: str) -> list[str]:
        """Ids of this fleet's containers with these labels (node="agx-01", job=…), running or not."""
        filters = [f"label=jessica.fleet={self.name}", *(f"label=jessica.{key}={value}" for key, value in labels.items())]
        return self.docker("ps", "-aq", "--no-trunc", *(word for item in filters for word in ("--filter", item))).split()

    def pods(self) -> dict[str, tuple[str, str]]:
        """Each dedicated node's container: its id, and when it was started."""
        ids = [id for node in DEDICATED for id in self.containers(node=node)]
        format = '{{index .Config.Labels "jessica.node"}} {{.Id}} {{.State.StartedAt}}'
        rows = [line.split() for line in self.docker("inspect", "--format", format, *ids).splitlines()] if ids else []
        assert len(rows) == len({row[0] for row in rows}), f"a node has two containers: {rows}"
        return {node: (id, started) for node, id, started in rows}

    def volumes(self, *filters: str) -> set[str]:
        """Names of volumes that Docker has made for containers, with filters such as dangling=true: 64 hexadecimal digits."""
        names = self.docker("volume", "ls", "-q", *(word for item in filters for word in ("--filter", item))).split()
        return {name for name in names if re.fullmatch("[0-9a-f]{64}", name)}

    def leftovers(self, node: str) -> list[str]:
        """What a roamer that is IDLE must not have: containers, networks, volumes, files of attempts.

        A volume that an image declares has no label. One that came with the test, and that no container has any more, is
        somebody's leftover.
        """
        label = f"label=jessica.node={node}"
        found = [f"container {id[:12]}" for id in self.containers(node=node)]
        found += [f"network {name}" for name in self.docker("network", "ls", "-q", "--filter", f"label=jessica.fleet={self.name}", "--filter", label).split()]
        orphans = self.volumes("dangling=true") - self.volumes_before
        found += [f"volume {name[:12]}" for name in sorted(orphans | self.volumes(f"label=jessica.fleet={self.name}", label))]
        attempts = self.state / "nodes" / node / "attempts"
        return found + [f"file {path}" for path in (attempts.iterdir() if attempts.is_dir() else ())]

    def assert_clean(self, node: str) -> None:
        assert self.roamer(node) == "IDLE"
        assert not self.leftovers(node), f"{node} is IDLE and has {self.leftovers(node)}"


def wait_until(condition: Callable[[], Any], within: float, what: str) -> Any:
    """For what the fleet has no event for: a process's end, a file."""
    end = time.monotonic() + within * PATIENCE
    while not (result := condition()):
        if time.monotonic() > end:
            raise Late(f"waited {within:.0f} s for {what}")
        time.sleep(0.02)
    return result


def describe(job: dict[str, Any]) -> str:
    """A job in one line, for a failed assertion."""
    tries = ", ".join(f"{a['attempt']} {a['state']} on {a['node']}" + (f" ({a['error']['code']})" if a.get("error") else "") for a in job["attempts"])
    error = job.get("error") or {}
    return f"job {job['id']} ({job['kind']}) {job['state']} [{tries}] {error.get('code', '')} {error.get('message', '')} {job.get('reason') or ''}".strip()


def winner(job: dict[str, Any]) -> dict[str, Any]:
    """The attempt whose result is the job's."""
    return next(attempt for attempt in job["attempts"] if attempt["state"] == "succeeded")
