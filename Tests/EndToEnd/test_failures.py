"""Work that cannot succeed ends as failed, in time, with its code and a message that says why."""

from pathlib import Path
from typing import Any

import pytest

from fleet import Fleet, describe


def assert_failed(fleet: Fleet, job: dict[str, Any], code: str, word: str, within: float) -> dict[str, Any]:
    ended = fleet.wait(job, within)
    assert ended["state"] == "failed", describe(ended)
    assert ended["error"]["code"] == code, describe(ended)
    assert word in ended["error"]["message"], describe(ended)
    fleet.assert_ended_once(job)
    assert not fleet.containers(job=job["id"])
    return ended


def test_an_image_that_does_not_exist(fleet: Fleet) -> None:
    job = fleet.run("true", image="jessica/nobody-made-this:1")
    ended = assert_failed(fleet, job, "image_not_found", "nobody-made-this", 30)
    assert len(ended["attempts"]) == 1


def test_an_exit_code(fleet: Fleet) -> None:
    job = fleet.run("sh", "-c", "echo about to fail >&2; exit 3")
    ended = assert_failed(fleet, job, "exit_code", "3", 30)
    assert ended["attempts"][0]["exitCode"] == 3
    status, log = fleet.call("GET", f"/api/v1/jobs/{job['id']}/logs")
    assert status == 200 and b"about to fail" in log
    # jctl run ends with the command's own code.
    assert fleet.jctl("run", "--image", "jessica/base:latest", "--", "sh", "-c", "exit 3").returncode == 3


def test_a_command_that_is_not_there(fleet: Fleet) -> None:
    ended = fleet.wait(fleet.run("/no/such/program"), 30)
    assert ended["state"] == "failed" and "not found" in ended["error"]["message"], describe(ended)
    assert ended["attempts"][0]["exitCode"] == 127


def test_too_little_memory(fleet: Fleet) -> None:
    mark = fleet.mark()
    done = fleet.jctl("run", "--image", "jessica/base:latest", "--memory", "64MB", "--", "python3", "-c", "x = bytearray(10**9)")
    assert done.returncode == 137, done.stderr
    event = fleet.expect(mark, 5, "the job to fail", type="job.state", to="failed")
    job = fleet.job(event["job"])
    assert job["error"]["code"] == "out_of_memory" and "memory" in job["error"]["message"], describe(job)


def test_a_deadline(fleet: Fleet) -> None:
    job = fleet.run("sleep", "120", deadlineSeconds=3)
    assert_failed(fleet, job, "deadline_exceeded", "3 s", 20)
    waiting = fleet.submit("image", {"prompt": "a sunset", "seconds": 60}, deadlineSeconds=3)
    assert_failed(fleet, waiting, "deadline_exceeded", "3 s", 20)


def test_input_the_worker_refuses(fleet: Fleet) -> None:
    job = fleet.submit("image", {"prompt": "a sunset", "seconds": "soon"})
    ended = assert_failed(fleet, job, "invalid_input", "seconds", 20)
    assert len(ended["attempts"]) == 1, "what can never succeed was tried again"


def test_work_that_fails_is_tried_again_and_then_given_up(fleet: Fleet) -> None:
    job = fleet.submit("custom", {"prompt": "x", "fail": True}, template="generic-worker", retries=1)
    ended = assert_failed(fleet, job, "work_failed", "because the input said so", 60)
    assert len(ended["attempts"]) == 2, describe(ended)


def test_nonsense_is_refused_at_the_door(fleet: Fleet) -> None:
    for body in (b"{", b"[]", {}, {"kind": "nonsense"}, {"kind": "image", "priority": 99}, {"kind": "image", "typo": 1}, {"kind": "custom"}):
        status, answer = fleet.call("POST", "/api/v1/jobs", body)
        assert status in (400, 422) and answer["error"]["message"], f"{body} was answered with {status} {answer}"
    assert fleet.call("GET", "/api/v1/jobs/nobody")[0] == 404
    assert fleet.call("POST", "/api/v1/jobs", b"x" * 2_000_000)[0] in (400, 413)


@pytest.mark.long
def test_a_worker_that_is_never_ready(fleet: Fleet, tmp_path: Path) -> None:
    before = fleet.get("/fleet")["source"]
    file = tmp_path / "cluster.yaml"
    silent = '  silent-worker:\n    image: jessica/base:latest\n    startup_time: 1s\n    contract: cog\n    command: [sleep, "3600"]\n'
    file.write_text(before.replace("templates:\n", "templates:\n" + silent, 1))
    assert "silent-worker" in file.read_text()
    assert fleet.jctl("apply", "-f", str(file)).returncode == 0
    try:
        mark = fleet.mark()
        job = fleet.submit("custom", {}, template="silent-worker")
        node = fleet.expect(mark, 20, "a roamer to start it", type="roamer.state", to="PROVISIONING")["node"]
        ended = fleet.wait(job, 200)
        assert ended["state"] == "failed" and ended["error"]["code"] in ("worker_not_ready", "setup_failed"), describe(ended)
        assert "ready" in ended["error"]["message"]
        fleet.expect(mark, 60, f"{node} to be IDLE", type="roamer.state", node=node, to="IDLE")
        fleet.assert_clean(node)
    finally:
        file.write_text(before)
        assert fleet.jctl("apply", "-f", str(file)).returncode == 0
