"""Clients that read nothing, send too much, or only take up room: each is told or cut off, and the others hear nothing of it."""

import http.client
import json
import resource
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alone import Controller, Program
from fleet import Fleet, UnixConnection, most_memory, wait_until
from test_storage import NAME, ROAMER_FLEET, clear, is_idle
from test_webhooks import alone, post, submit

GIGABYTE = 1 << 30


def memory(program: Program) -> int:
    """What a process has of memory now, in MiB."""
    line = next(line for line in Path(f"/proc/{program.process.pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) >> 10


def files(program: Program) -> int:
    return len(list(Path(f"/proc/{program.process.pid}/fd").iterdir()))


def metric(controller: Controller, name: str) -> float:
    lines = controller.get("/metrics")[1].decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(name + " "))


def ask_raw(controller: Controller, path: str, times: int = 1) -> socket.socket:
    """A connection with answers that nobody reads yet."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(30)
    connection.connect(str(controller.socket))
    connection.sendall(f"GET /api/v1{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * times)
    return connection


def open_stream(controller: Controller, topics: str = "all") -> socket.socket:
    """A stream that nobody reads yet."""
    return ask_raw(controller, f"/stream?topics={topics}")


def wait_for_logged(program: Program, error: dict[str, Any]) -> None:
    """Whoever is refused can say by which request."""
    request = error["requestId"]
    wait_until(lambda: request and request in program.log.read_text(), 5, f"request {request} to be in the log")


class Caller:
    """Somebody with a token of their own, by HTTPS."""

    def __init__(self, controller: Controller, name: str):
        status, made = post(controller, "/tokens", {"name": name, "role": "submitter"})
        assert status < 300, made
        self.port, self.token = controller.api, made["token"]
        self.context = ssl.create_default_context(cafile=str(controller.state / "authority" / "ca.crt"))

    def ask_raw(self, path: str, times: int = 1) -> socket.socket:
        """A connection with answers that nobody reads yet."""
        plain = socket.create_connection(("127.0.0.1", self.port), 30)
        connection = self.context.wrap_socket(plain, server_hostname="localhost")
        connection.sendall(f"GET /api/v1{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\n\r\n".encode() * times)
        return connection

    def open_stream(self, topics: str = "all") -> socket.socket:
        """A stream that nobody reads yet."""
        return self.ask_raw(f"/stream?topics={topics}")

    def ask(self, method: str, path: str, body: object = None, wait: int | None = None) -> http.client.HTTPResponse:
        """The head of an answer; the body can be read as it comes."""
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=40, context=self.context)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if wait is not None:
            headers["Prefer"] = f"wait={wait}"
        connection.request(method, f"/api/v1{path}", json.dumps(body) if body else None, headers)
        return connection.getresponse()


def is_refused(answer: http.client.HTTPResponse, status: int) -> bool:
    code = json.loads(answer.read())["error"]["code"] if answer.status >= 400 else ""
    return answer.status == status and code == "too_many_streams" and int(answer.getheader("Retry-After") or 0) > 0


class Reader(threading.Thread):
    """A good client of the stream, and what it got."""

    def __init__(self, controller: Controller):
        super().__init__(daemon=True)
        self.connection = UnixConnection(controller.socket, 60)
        self.connection.request("GET", "/api/v1/stream?topics=jobs")
        self.answer = self.connection.getresponse()
        self.answer.readline()
        self.numbers: list[int] = []
        self.resyncs = 0
        self.start()

    def run(self) -> None:
        try:
            while line := self.answer.readline():
                if line.startswith(b"event: resync"):
                    self.resyncs += 1
                elif line.startswith(b"data: {"):
                    event = json.loads(line[6:])
                    if "seq" in event:
                        self.numbers.append(event["seq"])
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass


def burst(controller: Controller, count: int) -> None:
    """Many events at once: a plan of as many jobs, cancelled."""
    status, plan = post(controller, "/plans", {"steps": [{"name": "many", "kind": "image", "count": count}]})
    assert status == 202, plan
    status, answer = post(controller, f"/plans/{plan['id']}/cancel", {})
    assert status in (200, 202), answer


def test_a_client_that_reads_nothing_is_cut_off_and_costs_nothing(running: Fleet, tmp_path: Path) -> None:
    with alone(running, tmp_path, "") as (controller, start):
        program = start()
        good = Reader(controller)
        wait_until(lambda: metric(controller, "jessica_stream_readers") == 1, 10, "the reader to be there")

        def grown_by_events() -> int:
            before = memory(program)
            for _ in range(3):
                burst(controller, 4_000)
            status, plan = post(controller, "/jobs", {"kind": "image", "labels": {"last": "one"}})
            assert status == 202
            wanted = controller.get(f"/api/v1/jobs/{plan['id']}/events")[1]["items"][0]["seq"]
            wait_until(lambda: good.numbers and good.numbers[-1] >= wanted or good.resyncs, 20, "the good reader to have all")
            return memory(program) - before

        alone_with_it = grown_by_events()
        idle = [open_stream(controller) for _ in range(200)]
        wait_until(lambda: metric(controller, "jessica_stream_readers") == 201, 20, "all streams to be open")
        # 24,000 events of 250 bytes for each of 200 would be 1.2 GB more.
        with_idlers = grown_by_events()
        print(f"24,000 events: {alone_with_it} MiB, and {with_idlers} MiB with 200 streams that nobody reads")
        assert with_idlers < alone_with_it + 100
        assert not good.resyncs and len(good.numbers) >= 48_000
        assert good.numbers == sorted(set(good.numbers))
        # Nothing of them stays.
        wait_until(lambda: metric(controller, "jessica_stream_readers") == 1, 75, "those who read nothing to be gone")
        assert metric(controller, "jessica_http_connections_cut_total") == 200
        for connection in idle:
            connection.close()


@pytest.mark.long
def test_answers_that_nobody_takes_are_cut_off(running: Fleet, tmp_path: Path) -> None:
    with alone(running, tmp_path, "") as (controller, start):
        program = start()
        burst(controller, 4_000)
        burst(controller, 4_000)
        caller = Caller(controller, "phone")
        before = files(program)
        # Each has half a megabyte before it, and as much behind that.
        idle = [make("/events?limit=2000", 2) for _ in range(10) for make in (caller.ask_raw, lambda path, times: ask_raw(controller, path, times))]
        # A connection of before may have ended.
        wait_until(lambda: files(program) >= before + len(idle) - 2, 30, "all to be connected")
        end = time.monotonic() + 75
        # By TCP, where the system holds little: most of it waits in the controller, for longer than the half minute.
        slow = caller.ask("GET", "/events?limit=10000")
        length = int(slow.getheader("Content-Length") or 0)
        assert slow.status == 200 and length > 1 << 20
        text = b""
        while len(text) < length:
            piece = slow.read(length // 45)
            assert piece, f"cut off after {len(text)} of {length} bytes"
            text += piece
            began = time.monotonic()
            assert controller.get("/readyz")[0] == 200
            assert time.monotonic() - began < 5, "others had to wait"
            time.sleep(1)
        assert len(json.loads(text)["items"]) == 10_000
        slow.close()
        wait_until(lambda: files(program) <= before + 2, max(1, end - time.monotonic()), "those who take nothing to be gone")
        assert metric(controller, "jessica_http_connections_cut_total") == len(idle)
        for connection in idle:
            connection.close()


def test_a_slow_client_is_told_that_it_fell_behind(running: Fleet, tmp_path: Path) -> None:
    with alone(running, tmp_path, "") as (controller, start):
        start()
        slow = open_stream(controller)
        wait_until(lambda: metric(controller, "jessica_stream_readers") == 1, 10, "the stream to be open")
        for _ in range(3):
            burst(controller, 4_000)
        # It reads again before it is cut off.
        text, end = b"", time.monotonic() + 20
        while b"event: resync" not in text and time.monotonic() < end:
            piece = slow.recv(1 << 20)
            if not piece:
                break
            text = text[-200:] + piece
        assert b"event: resync" in text
        slow.close()
        wait_until(lambda: metric(controller, "jessica_stream_readers") == 0, 40, "nothing to be left behind")


def test_clients_that_go_away_leave_nothing_behind(running: Fleet, tmp_path: Path) -> None:
    with alone(running, tmp_path, "") as (controller, start):
        program = start()
        submit(controller, 1)
        caller = Caller(controller, "phone")
        before = files(program)
        for make in (lambda: open_stream(controller), caller.open_stream):
            streams = [make() for _ in range(50)]
            wait_until(lambda: metric(controller, "jessica_stream_readers") == 50, 20, "all streams to be open")
            for stream in streams:
                stream.close()
            wait_until(lambda: metric(controller, "jessica_stream_readers") == 0, 40, "all to be gone")
        wait_until(lambda: files(program) <= before + 2, 20, "their files to be closed")


def pour(connection: socket.socket, head: str, chunked: bool) -> tuple[int, int, bytes]:
    """Sends a body of a gigabyte as long as it is taken; how much was, the status, and whether the connection is closed."""
    connection.settimeout(20)
    connection.sendall(head.encode())
    piece = b"x" * (1 << 16)
    data = b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece
    sent, answer = 0, b""
    try:
        while sent < GIGABYTE:
            readable, writable, _ = select.select([connection], [connection], [], 20)
            if readable:
                got = connection.recv(65536)
                if not got:
                    break
                answer += got
            elif writable:
                sent += connection.send(data)
            else:
                break
    except OSError:
        pass
    status = int(answer.split()[1]) if answer.startswith(b"HTTP/1.1 ") else 0
    return sent, status, answer


def is_closed(connection: socket.socket) -> bool:
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


ROUTES = [
    ("POST", "/api/v1/jobs", 413), ("POST", "/api/v1/plans", 413), ("POST", "/api/v1/fleet", 413), ("POST", "/api/v1/webhooks", 413),
    ("GET", "/api/v1/jobs", 413), ("DELETE", "/api/v1/tokens/none", 413), ("POST", "/nowhere", 413), ("GET", "/metrics", 413),
    # What it allows an upload stands in its signature, and this one has none.
    ("PUT", "/objects/outputs/x", 403),
]  # fmt: skip


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_gigabyte_is_refused_early_on_every_route(running: Fleet, tmp_path: Path, chunked: bool) -> None:
    with alone(running, tmp_path, "") as (controller, start):
        program = start()
        before = most_memory(program.process.pid)
        for method, path, wanted in ROUTES:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(str(controller.socket))
            size = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {GIGABYTE}"
            sent, status, answer = pour(connection, f"{method} {path} HTTP/1.1\r\nHost: x\r\n{size}\r\n\r\n", chunked)
            assert is_closed(connection), f"{method} {path} may go on"
            connection.close()
            assert sent < 64 << 20, f"{method} {path} took {sent >> 20} MiB"
            # A route that needs no body may have answered before the body was too large.
            early = {200, 400, 401, 403, 404, 405, 411} if chunked or path.startswith("/objects") else set()
            assert status in {wanted} | early, f"{method} {path}: {answer[:300]!r}"
            if status == 413:
                assert b"too_large" in answer, answer
                wait_for_logged(program, json.loads(answer.partition(b"\r\n\r\n")[2])["error"])
        grown = most_memory(program.process.pid) - before
        print(f"{len(ROUTES)} bodies of a gigabyte: {grown} MiB more at most")
        assert grown < 64, f"{grown} MiB"
        assert controller.get("/readyz")[0] == 200


MALFORMED = [
    b"what is this?\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", b"GET /healthz FTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
    b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
]  # fmt: skip


@pytest.mark.parametrize("before", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"], ids=["first", "second"])
def test_what_is_no_http_is_told_so_as_any_other_error(running: Fleet, tmp_path: Path, before: bytes) -> None:
    with alone(running, tmp_path, "") as (controller, start):
        program = start()
        for request in MALFORMED:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(20)
            connection.connect(str(controller.socket))
            connection.sendall(before + request)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
            connection.close()
            answers = [b"HTTP/1.1 " + part for part in answer.split(b"HTTP/1.1 ")[1:]]
            if before:
                assert answers.pop(0).startswith(b"HTTP/1.1 200"), f"{request!r}: {answer!r}"
            assert len(answers) == 1, f"{request!r}: {answer!r}"
            head, _, body = answers[0].partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 400") and f"content-length: {len(body)}" in head.decode().lower(), head
            error = json.loads(body)["error"]
            assert error["code"] == "bad_request" and error["message"], error
            wait_for_logged(program, error)


def test_who_shows_no_token_that_is_known_is_in_the_log(running: Fleet, tmp_path: Path) -> None:
    with alone(running, tmp_path, "") as (controller, start):
        program = start()
        stranger = Caller(controller, "stranger")
        stranger.token = "nonsense"
        answer = stranger.ask("GET", "/jobs")
        error = json.loads(answer.read())["error"]
        assert answer.status == 401 and error["code"] == "unauthorized", error
        wait_for_logged(program, error)


@pytest.fixture
def many_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("limit", [1_000, pytest.param(10_000, marks=pytest.mark.long)])
def test_so_many_streams_and_not_one_more(running: Fleet, tmp_path: Path, many_files: None, limit: int) -> None:
    share = min(limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 2) // 10
    limit = share * 10
    with alone(running, tmp_path, "") as (controller, start):
        controller.files = 2 * limit
        program = start()
        callers = [Caller(controller, f"caller-{number}") for number in range(1, 10)]
        late = Caller(controller, "late")
        before = memory(program)
        good = Reader(controller)
        streams: list[socket.socket] = []
        try:
            while len(streams) < limit - 1:
                topics = "fleet" if len(streams) % 2 else "jobs"
                # The good reader has one of the local socket's share.
                number = (len(streams) + 1) // share
                streams.append(callers[number - 1].open_stream(topics) if number else open_stream(controller, topics))
                if len(streams) % 500 == 0:
                    # Not more than may wait to be accepted.
                    wait_until(lambda: metric(controller, "jessica_stream_readers") > len(streams) - 200, 30, "streams to be open")
            wait_until(lambda: metric(controller, "jessica_stream_readers") == limit, 60, "all streams to be open")
            opened, descriptors = memory(program), files(program)
            print(f"{limit} streams: {opened - before} MiB more, {descriptors} files")
            assert descriptors >= limit
            for _ in range(3):
                assert is_refused(late.ask("GET", "/stream"), 503)
                one = UnixConnection(controller.socket, 20)
                one.request("GET", "/api/v1/stream")
                assert is_refused(one.getresponse(), 429)
                one.close()
            # Others are served, and the good reader gets its events.
            began = time.monotonic()
            submit(controller, 3)
            answer = late.ask("POST", "/jobs", {"kind": "image"}, wait=30)
            assert answer.status == 202 and json.loads(answer.read())["state"] == "queued"
            wanted = controller.get("/api/v1/events?type=job.state&limit=10000")[1]["items"][-1]["seq"]
            wait_until(lambda: wanted in good.numbers, 15, "the good reader to have its events")
            took = time.monotonic() - began
            print(f"4 jobs and their events with {limit} streams: {took:.2f} s, {memory(program) - before} MiB more")
            assert took < 20, "what could not be waited for was waited for"
            assert memory(program) - before < 100 + limit * 150 // 1000
        finally:
            for stream in streams:
                stream.close()
        wait_until(lambda: metric(controller, "jessica_stream_readers") <= 1, 60, "all streams to be gone")
        wait_until(lambda: files(program) < 500, 30, "their files to be closed")
        assert controller.get("/readyz")[0] == 200


def test_one_caller_cannot_take_the_room_of_the_others(running: Fleet, tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text(ROAMER_FLEET.format(name=NAME, registry=running.registry, storage=""))
    controller = Controller(running, tmp_path, f"fleet_file: {file}\n")
    controller.files = 1_000
    share = controller.files // 2 // 10
    streams: list[socket.socket] = []
    with controller.start(), controller.agent(running, "agx-11", NAME):
        try:
            wait_until(lambda: is_idle(controller), 60, "the roamer to be idle")
            run = controller.jctl("run", "-d", "--image", "jessica/base:latest", "--", "sh", "-c", "echo here; sleep 600")
            assert run.returncode == 0, run
            job = run.stdout.strip()
            assert controller.jctl("wait", job, "--for", "running").returncode == 0
            alice, bob = Caller(controller, "alice"), Caller(controller, "bob")
            streams += [alice.open_stream() for _ in range(share)]
            wait_until(lambda: metric(controller, "jessica_stream_readers") == share, 20, "all streams to be open")
            for path in ("/stream", f"/jobs/{job}/logs?follow=true", f"/jobs/{job}?wait=30"):
                assert is_refused(alice.ask("GET", path), 429), path
            custom = {"kind": "custom", "image": "jessica/base:latest", "command": ["true"]}

            def waited(caller: Caller, seconds: int) -> float:
                began = time.monotonic()
                answer = caller.ask("POST", "/jobs", custom, wait=seconds)
                # The only node is taken.
                assert answer.status == 202, answer.read()
                return time.monotonic() - began

            assert waited(alice, 30) < 15
            assert waited(bob, 2) > 1.9
            stream, log = bob.ask("GET", "/stream"), bob.ask("GET", f"/jobs/{job}/logs?follow=true")
            assert stream.status == log.status == 200
            assert stream.readline().startswith(b"id: ") and log.readline() == b"here\n"
            wait_until(lambda: metric(controller, "jessica_stream_readers") == share + 2, 20, "these two to be counted")
            # A log that says nothing is left at once, too.
            log.close()
            wait_until(lambda: metric(controller, "jessica_stream_readers") == share + 1, 20, "the follower of the log to be gone")
            # What is given back can be had again.
            streams.pop().close()
            wait_until(lambda: alice.ask("GET", f"/jobs/{job}?wait=0").status == 200, 20, "room for another")
        finally:
            for connection in streams:
                connection.close()
            clear(running)


@pytest.mark.long
def test_connections_that_never_ask_are_closed(running: Fleet, tmp_path: Path) -> None:
    with alone(running, tmp_path, "") as (controller, start):
        program = start()
        before = files(program)

        def local() -> socket.socket:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(str(controller.socket))
            return connection

        silent = local()
        bare = socket.create_connection(("127.0.0.1", controller.api), 10)
        slow = local()
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        kept = local()
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert kept.recv(1000).startswith(b"HTTP/1.1 200")
        stream = open_stream(controller, "fleet")
        assert stream.recv(1000).startswith(b"HTTP/1.1 200")
        stream.settimeout(1)
        waiting, end = {silent, bare, slow, kept}, time.monotonic() + 100
        for connection in waiting:
            connection.setblocking(False)
        number = 0
        while waiting and time.monotonic() < end:
            if slow in waiting:
                # One more line of a head that never ends.
                number += 1
                try:
                    slow.send(f"X-{number}: 1\r\n".encode())
                except OSError:
                    waiting.discard(slow)
            for connection in select.select(list(waiting), [], [], 1)[0]:
                try:
                    if not connection.recv(1000):
                        waiting.discard(connection)
                except OSError:
                    waiting.discard(connection)
        assert not waiting, f"{len(waiting)} are still open"
        # Who only listens is no idler.
        assert metric(controller, "jessica_stream_readers") == 1
        wait_until(lambda: files(program) <= before + 2, 20, "their files to be closed")
