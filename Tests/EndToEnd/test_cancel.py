"""Cancelling: at every stage it ends the job and leaves nothing."""

import os
import signal
import uuid
from typing import Any

from fleet import ROAMERS, Fleet, describe, wait_until


def assert_cancelled(fleet: Fleet, job: dict[str, Any], within: float) -> dict[str, Any]:
    ended = fleet.wait(job, within)
    assert ended["state"] == "cancelled", describe(ended)
    fleet.assert_ended_once(job)
    assert not fleet.containers(job=job["id"])
    return ended


def test_a_waiting_job(fleet: Fleet) -> None:
    for name in ROAMERS:
        fleet.post(f"/nodes/{name}/cordon")
    busy = fleet.submit("audio", {"prompt": "calm", "seconds": 6})
    fleet.wait(busy, 15, goal="running")
    waiting = fleet.submit("audio", {"prompt": "calm"})
    seen = fleet.job(waiting)
    assert seen["state"] == "queued" and "busy" in seen["reason"] and seen["queuePosition"] == 0, describe(seen)
    assert fleet.jctl("cancel", waiting["id"]).returncode == 0
    assert assert_cancelled(fleet, waiting, 2)["attempts"] == []
    # Once more is no mistake; one that has ended otherwise cannot be cancelled.
    assert fleet.jctl("cancel", waiting["id"]).returncode == 0
    fleet.succeed(busy)
    assert fleet.jctl("cancel", busy["id"]).returncode == 6
    assert fleet.jctl("cancel", "no-such-job").returncode == 5


def test_a_job_that_is_being_prepared(fleet: Fleet) -> None:
    # An image nobody has, in a registry that does not answer: the pull hangs.
    image = f"{fleet.registry}/jessica/slow:{uuid.uuid4().hex[:8]}"
    fleet.docker("tag", "jessica/base:latest", image)
    fleet.docker("push", image)
    fleet.docker("image", "rm", image)
    registry = int((fleet.state / "registry" / "pid").read_text())
    os.kill(registry, signal.SIGSTOP)
    try:
        mark = fleet.mark()
        job = fleet.run("sleep", "60", image=image)
        node = fleet.expect(mark, 15, "the job to be prepared", type="job.state", job=job["id"], to="provisioning")["node"]
        assert fleet.jctl("cancel", job["id"]).returncode == 0
        assert_cancelled(fleet, job, 20)
    finally:
        os.kill(registry, signal.SIGCONT)
    fleet.expect(mark, 30, f"{node} to be IDLE", type="roamer.state", node=node, to="IDLE")
    fleet.assert_clean(node)


def test_a_job_that_runs_on_a_pod(fleet: Fleet) -> None:
    pods = fleet.pods()
    job = fleet.submit("image", {"prompt": "a sunset", "seconds": 60})
    node = fleet.wait(job, 15, goal="running")["node"]
    assert fleet.jctl("cancel", job["id"]).returncode == 0
    ended = assert_cancelled(fleet, job, 15)
    assert not ended["outputs"]
    # The worker is free at once, and the same as before.
    after = fleet.submit("image", {"prompt": "a sunset"}, cluster="vision")
    fleet.succeed(after, 20)
    assert fleet.pods() == pods
    assert not list((fleet.state / "nodes" / node / "attempts").glob(f"*{job['id']}*"))


def test_a_command_that_runs(fleet: Fleet) -> None:
    mark = fleet.mark()
    job = fleet.run("sh", "-c", "echo begun; sleep 120")
    node = fleet.wait(job, 20, goal="running")["node"]
    wait_until(lambda: fleet.containers(job=job["id"]), 5, "its container")
    assert fleet.jctl("cancel", job["id"]).returncode == 0
    assert_cancelled(fleet, job, 20)
    fleet.expect(mark, 30, f"{node} to be IDLE", type="roamer.state", node=node, to="IDLE")
    fleet.assert_clean(node)
    # It can be asked for again.
    again = fleet.post(f"/jobs/{job['id']}/retry")
    assert again["id"] == job["id"]
    fleet.wait(job, 20, goal="running")
    assert fleet.jctl("cancel", job["id"]).returncode == 0
    assert fleet.wait(job, 20)["state"] == "cancelled"
