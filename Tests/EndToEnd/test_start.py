"""A controller's start and end: what it refuses, what it takes up, who may talk to it, and who takes over from it."""

import json
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from alone import Controller, Redis
from fleet import Fleet, wait_until

FLEET = """\
fleet: alone
clusters:
  vision: {nodes: [agx-01], kinds: [image], service: sdxl-api}
services:
  sdxl-api: {replicas: 1, image: jessica/sdxl:latest, contract: cog, memory: %s}
"""


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1, done
    assert done.stderr.count("\n") == 1 and not done.stdout, done
    assert all(word in done.stderr for word in words), done.stderr


@pytest.mark.parametrize("name", ["link", "api"])
def test_a_taken_port_is_one_clear_line(running: Fleet, tmp_path: Path, name: str) -> None:
    controller = Controller(running, tmp_path)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", getattr(controller, name)))
        holder.listen()
        port = holder.getsockname()[1]
        assert_one_line(controller.refused(), f"port {port} is taken", f"--{name}-port")
    with controller.start():
        pass


def test_an_address_of_another_machine_is_one_clear_line(running: Fleet, tmp_path: Path) -> None:
    assert_one_line(Controller(running, tmp_path).refused("--link-host", "203.0.113.7"), "203.0.113.7", "--link-host")


def test_the_socket_of_a_controller_that_runs_is_left_to_it(running: Fleet, tmp_path: Path) -> None:
    first, second = Controller(running, tmp_path), Controller(running, tmp_path)
    with first.start() as program:
        assert_one_line(second.refused(), str(first.socket), "--state-dir")
        assert first.is_ready()
        program.process.kill()
        program.process.wait(5)
    # What it leaves behind when it is killed is in nobody's way.
    with second.start() as program:
        assert program.end() == 0


def test_settings_that_contradict_each_other_are_refused(running: Fleet, tmp_path: Path) -> None:
    controller = Controller(running, tmp_path)
    checked = controller.refused("--check-config")
    assert (checked.returncode, checked.stdout) == (0, "the configuration is fine\n"), checked
    wrong = controller.refused("--check-config", "--failover", "--redis-url", "redis://127.0.0.1", "--link-lost-after", "39s")
    assert wrong.returncode == 2 and "link.lost_after: must be at least 10s longer than link.stop_after" in wrong.stderr, wrong


def test_the_fleet_given_at_the_start_is_the_fleet_that_is_shown(running: Fleet, tmp_path: Path) -> None:
    controller = Controller(running, tmp_path)
    for memory, revision in (("1GB", 1), ("1GB", 1), ("2GB", 2), ("2GB", 2), ("1GB", 3)):
        file = tmp_path / f"{memory}.yaml"
        file.write_text(FLEET % memory)
        with controller.start("--fleet-file", str(file)):
            status, shown = controller.get("/api/v1/fleet")
            assert (status, shown["revision"], shown["source"]) == (200, revision, FLEET % memory)
    with controller.start():
        assert controller.get("/api/v1/fleet")[1]["revision"] == 3


def test_every_line_of_the_log_can_be_json(running: Fleet, tmp_path: Path) -> None:
    controller = Controller(running, tmp_path, "log: {format: json}\n")
    with controller.start():
        pass
    lines = [json.loads(line) for line in (tmp_path / "controller.log").read_text().splitlines()]
    assert len(lines) > 2 and all({"at", "level", "logger", "message"} <= line.keys() for line in lines), lines


def test_over_https_only_the_token_and_the_authority_let_in(running: Fleet, tmp_path: Path) -> None:
    controller = Controller(running, tmp_path)
    wrong = tmp_path / "wrong.token"
    wrong.write_text("nobody-knows-this\n")
    wrong.chmod(0o600)
    with controller.start():
        endpoint = f"https://127.0.0.1:{controller.api}"
        token, authority = controller.state / "admin.token", controller.state / "authority" / "ca.crt"
        good = controller.jctl("get", "nodes", "-o", "json", "--token-file", token, "--ca-file", authority, endpoint=endpoint)
        assert good.returncode == 0 and json.loads(good.stdout) == json.loads(controller.jctl("get", "nodes", "-o", "json").stdout), good
        # The name in the certificate counts too, not only who has signed it.
        assert controller.jctl("get", "nodes", "--token-file", token, "--ca-file", authority, endpoint=f"https://localhost:{controller.api}").returncode == 0
        refused = controller.jctl("get", "nodes", "--token-file", wrong, "--ca-file", authority, endpoint=endpoint)
        assert refused.returncode == 4 and "token" in refused.stderr and not refused.stdout, refused
        without = controller.jctl("get", "nodes", "--ca-file", authority, endpoint=endpoint)
        assert without.returncode == 4 and not without.stdout, without
        # Nobody else's certificate: the token is not even sent.
        stranger = controller.jctl("get", "nodes", "--token-file", token, endpoint=endpoint)
        assert stranger.returncode == 7 and "certificate" in stranger.stderr, stranger


def test_a_deposed_controller_ends_by_itself_and_loses_nothing(running: Fleet, tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text(FLEET % "1GB")
    with Redis(tmp_path) as redis:
        settings = f"failover: true\nredis: {{url: '{redis.url}'}}\nfleet_file: {file}\n"
        old, new = Controller(running, tmp_path / "old", settings), Controller(running, tmp_path / "new", settings)
        with old.start() as deposed:
            job = json.loads(old.jctl("submit", "--kind", "image", "--input", '{"prompt": "a sunset"}', "-o", "json").stdout)
            # Frozen for longer than its lease: the one that waited takes over, and it knows nothing of that.
            deposed.process.send_signal(signal.SIGSTOP)
            with new.start():
                # Nobody asks it for anything; it finds out when its proof is a quarter of 10 s old.
                began = time.monotonic()
                deposed.process.send_signal(signal.SIGCONT)
                wait_until(lambda: not deposed.is_alive(), 8, "the old controller to end")
                assert time.monotonic() - began < 5
                # Not 3, with which it would not be started again: it shall wait in its turn.
                assert deposed.process.returncode == 1
                assert "another controller has taken over" in deposed.log.read_text()
                status, seen = new.get(f"/api/v1/jobs/{job['id']}")
                assert (status, seen["state"]) == (200, "queued"), seen
