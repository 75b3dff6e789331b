"""Two controllers on one Redis: one leads, and when it dies the other goes on with everything."""

import http.client
import json
import shutil
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from alone import Bucket, Controller, Program, Redis
from fleet import PATIENCE, Fleet, UnixConnection, wait_until
from test_backup import get
from test_storage import clear_of

NAME = "failover-test"
FLEET = """\
fleet: {name}
registry: {registry}
storage: {{endpoint: "{endpoint}", bucket: jessica}}
clusters:
  brain: {{nodes: [agx-07, agx-08], kinds: [text], service: llm-api}}
services:
  llm-api: {{replicas: 2, image: jessica/llm:latest, contract: cog, memory: 512MB}}
"""


def submit(controllers: list[Controller], key: str, until: float) -> str:
    """A job, by whichever controller takes it; one whose answer is lost is asked for again, as a good client does."""
    while True:
        for controller in controllers:
            try:
                status, job = submit_once(controller, key)
            except (OSError, http.client.HTTPException, ValueError):
                continue
            if status == 202:
                return job["id"]
            assert status in (409, 503), (status, job)
        assert time.monotonic() < until, "no controller takes a job"
        time.sleep(0.02)


def submit_once(controller: Controller, key: str) -> tuple[int, Any]:
    connection = UnixConnection(controller.socket, 10)
    try:
        connection.request("POST", "/api/v1/jobs", json.dumps({"kind": "text", "input": {"prompt": key}}), {"Content-Type": "application/json", "Idempotency-Key": key})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def events(controller: Controller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = get(controller, f"/events?limit=10000&after={found[-1]['seq'] if found else 0}")
        found += page["items"]
        if not page.get("next"):
            return found


def test_no_job_is_lost_when_the_leader_is_killed_under_load(running: Fleet, tmp_path: Path, record_testsuite_property: Callable[[str, object], None]) -> None:
    with Redis(tmp_path) as redis, Bucket(tmp_path) as bucket:
        file = tmp_path / "fleet.yaml"
        file.write_text(FLEET.format(name=NAME, registry=running.registry, endpoint=bucket.endpoint))
        settings = "fleet_file: %s\nfailover: true\nredis: {url: %s}\nlink: {heartbeat: 2s}\nstorage: {access_key: %s, secret_key: %s}\n" % (file, redis.url, *bucket.KEYS)
        one, two = Controller(running, tmp_path / "one", settings), Controller(running, tmp_path / "two", settings)
        leader = one.start()
        two.state.mkdir(mode=0o700)
        shutil.copytree(one.state / "authority", two.state / "authority")
        shutil.copy(one.state / "admin.token", two.state / "admin.token")
        standby = Program(two.folder / "controller.log", *two.command())
        own = f'controller: {{standby: ["127.0.0.1:{two.link}"]}}\n'
        run = uuid.uuid4().hex[:8]
        with leader, standby, one.agent(running, "agx-07", NAME, own) as first, one.agent(running, "agx-08", NAME, own) as second:
            try:
                wait_until(lambda: "standing by" in standby.log.read_text(), 20, "the second controller to stand by")
                assert not two.is_ready()
                ready = lambda: all([pod["state"] for pod in node["pods"]] == ["ready"] for node in get(one, "/nodes")["items"])
                wait_until(ready, 90, "both workers to be ready")
                accepted = [submit([one, two], f"{run}-{number}", time.monotonic() + 30) for number in range(150)]
                killed = time.time()
                leader.process.kill()
                leader.process.wait(10)
                # Jobs come in all the time: the first of these waits for the new leader.
                accepted += [submit([one, two], f"{run}-{number}", time.monotonic() + 60 * PATIENCE) for number in range(150, 200)]
                taken = time.time() - killed
                wait_until(lambda: any(event.get("to") == "assigned" and seconds(event["at"]) > killed for event in events(two)), 60, "a job to be assigned by the new leader")
                assigned = min(seconds(event["at"]) for event in events(two) if event.get("to") == "assigned" and seconds(event["at"]) > killed)
                record_testsuite_property("first assignment, seconds after the kill", round(assigned - killed, 3))
                record_testsuite_property("fifty jobs accepted, seconds after the kill", round(taken, 3))
                # The aim is 5 s; what was measured is told, and only what is far off fails.
                print(f"takeover: {assigned - killed:.2f} s to the first assignment, {taken:.2f} s to the fiftieth new job")
                assert assigned - killed < 8 * PATIENCE, f"{assigned - killed:.1f} s from the kill to the first assignment"
                assert len(set(accepted)) == 200
                wait_until(lambda: not get(two, "/jobs?state=active&limit=1")["items"], 180, "all jobs to end")
                jobs = {job["id"]: job for job in get(two, "/jobs?limit=1000")["items"]}
                assert set(jobs) == set(accepted)
                endings: dict[str, int] = {}
                for event in events(two):
                    if event["type"] == "job.state" and event.get("to") in ("succeeded", "failed", "cancelled"):
                        endings[event["job"]] = endings.get(event["job"], 0) + 1
                for id, job in jobs.items():
                    assert job["state"] == "succeeded", job
                    assert [attempt["state"] for attempt in job["attempts"]].count("succeeded") == 1, job
                    assert endings[id] == 1, job
                    assert len(job["outputs"]) == 1, job
                # The first one comes back as the one that waits, and leads again when the other is asked to end.
                leader = Program(one.folder / "controller.log", *one.command())
                with leader:
                    wait_until(lambda: one.folder.joinpath("controller.log").read_text().count("standing by") == 1, 20, "the first controller to stand by")
                    begin = time.monotonic()
                    assert standby.end() == 0
                    wait_until(lambda: one.is_ready(), 20, "the first controller to lead again")
                    record_testsuite_property("handover, seconds", round(time.monotonic() - begin, 3))
                    job = submit([one], f"{run}-last", time.monotonic() + 30)
                    wait_until(lambda: get(one, f"/jobs/{job}")["state"] == "succeeded", 60, "a job to succeed")
                assert first.is_alive() and second.is_alive()
            finally:
                clear_of(running, NAME)
