"""The controller and its Redis die or hang; no accepted job is lost, and nothing that runs is touched."""

import http.client
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from fleet import Fleet, UnixConnection, describe, wait_until


def redis_pids(fleet: Fleet) -> list[int]:
    found = subprocess.run(["pgrep", "-f", f"redis-server.*{fleet.state}/controller"], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


def submit_many(fleet: Fleet, count: int, accepted: dict[str, dict[str, Any]], stop: threading.Event) -> None:
    """Submits jobs with keys; one whose answer is lost is asked for again, as a good client does."""
    kinds = [("text", {"prompt": "hello", "seconds": 1}), ("voice", {"prompt": "hello", "seconds": 1}), ("personality", {"prompt": "hello", "seconds": 0.5})]
    for number in range(count):
        kind, input = kinds[number % len(kinds)]
        while not stop.is_set():
            try:
                status, answer = fleet.call("POST", "/api/v1/jobs", {"kind": kind, "input": input}, {"Idempotency-Key": f"crash-{fleet.state.name}-{id(stop)}-{number}"}, timeout=10)
            except (OSError, http.client.HTTPException, ValueError):
                status = 0
            if status == 202:
                accepted[answer["id"]] = answer
                break
            stop.wait(0.2)
        # Not all at once: some must come in while the controller is dead.
        stop.wait(0.1)


def test_fifty_jobs_outlive_the_controller_and_its_redis(fleet: Fleet) -> None:
    pods = fleet.pods()
    accepted: dict[str, dict[str, Any]] = {}
    stop = threading.Event()
    mark = fleet.mark()
    client = threading.Thread(target=submit_many, args=(fleet, 50, accepted, stop))
    client.start()
    try:
        fleet.until(lambda: len(list(fleet.seen(mark, type="job.state", to="succeeded"))) >= 5, 60, "some jobs to be done")
        fleet.controller.kill()
        for pid in redis_pids(fleet):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not redis_pids(fleet), 10, "redis to be gone")
        fleet.controller.start()
        client.join(90)
        fleet.until(fleet.is_serving, 30, "the controller to be ready")
        assert not client.is_alive() and len(accepted) == 50, f"{len(accepted)} of 50 jobs were accepted"
        done = fleet.wait_all(list(accepted.values()), 120)
    finally:
        stop.set()
        client.join(15)
    failed = [describe(job) for job in done if job["state"] != "succeeded"]
    assert not failed, failed
    for job in done:
        fleet.assert_ended_once(job)
    assert fleet.pods() == pods, "pods were touched"


def test_the_controller_comes_back_quickly_and_with_everything(fleet: Fleet) -> None:
    pods = fleet.pods()
    job = fleet.submit("image", {"prompt": "a sunset", "seconds": 8}, retrySafe=False)
    fleet.wait(job, 15, goal="running")
    term = fleet.get("/summary")["term"]
    # Who follows the job has heard nothing of it when the controller dies.
    stream = follow(fleet, f"job:{job['id']}")
    place = stream.readline().decode()
    assert place.startswith("id: "), place
    fleet.controller.kill()
    stream.close()
    began = time.monotonic()
    fleet.controller.start()
    fleet.until(lambda: fleet.get("/summary")["nodes"]["ready"] == 15, 30, "all agents to be back")
    assert time.monotonic() - began < 15, "the agents took long to come back"
    assert fleet.get("/summary")["term"] > term
    done = fleet.succeed(job, 30)
    assert len(done["attempts"]) == 1, describe(done)
    fleet.assert_ended_once(job)
    assert fleet.pods() == pods
    stream = follow(fleet, f"job:{job['id']}", place[4:].strip())
    told, end = False, time.monotonic() + 20
    while not told and time.monotonic() < end and (line := stream.readline()):
        told = line.startswith(b"data: ") and json.loads(line[6:]).get("to") == "succeeded"
    assert told, "the stream does not tell how the job ended"
    stream.close()


def follow(fleet: Fleet, topics: str, last: str = "") -> http.client.HTTPResponse:
    """The event stream, from an event on or from now on."""
    connection = UnixConnection(fleet.socket, 30)
    connection.request("GET", f"/api/v1/stream?topics={topics}", headers={"Last-Event-ID": last} if last else {})
    answer = connection.getresponse()
    assert answer.status == 200
    return answer


def test_redis_alone_dies_and_is_started_again(fleet: Fleet) -> None:
    job = fleet.submit("text", {"prompt": "hello", "seconds": 3})
    for pid in redis_pids(fleet):
        os.kill(pid, signal.SIGKILL)
    fleet.until(lambda: fleet.is_serving() and redis_pids(fleet), 20, "the store to be back")
    fleet.succeed(job, 30)
    fleet.succeed(fleet.submit("text", {"prompt": "still here"}), 30)


@pytest.mark.long
def test_a_stopped_controller_kills_nothing(fleet: Fleet) -> None:
    pods = fleet.pods()
    mark = fleet.mark()
    job = fleet.submit("image", {"prompt": "a sunset", "seconds": 12}, retrySafe=False)
    fleet.wait(job, 15, goal="running")
    fleet.controller.pause()
    time.sleep(20)  # The fault itself.
    fleet.controller.resume()
    done = fleet.succeed(job, 40)
    assert len(done["attempts"]) == 1, describe(done)
    fleet.assert_ended_once(job)
    fleet.until(lambda: not fleet.unready(), 30, lambda: f"all to be ready: {fleet.unready()}")
    assert fleet.pods() == pods
    assert not list(fleet.seen(mark, type="node.state", to="lost"))


def test_asked_to_end_it_ends_though_somebody_waits(fleet: Fleet) -> None:
    pods = fleet.pods()
    job = fleet.submit("image", {"prompt": "a sunset", "seconds": 12}, retrySafe=False)
    fleet.wait(job, 15, goal="running")
    # A long poll, a followed log and (the tests' own) an event stream are open while it ends.
    waiting = [subprocess.Popen([fleet.bin / "jctl", "--endpoint", str(fleet.socket), *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for words in (["wait", job["id"]], ["logs", "-f", job["id"]])]
    long_poll = threading.Thread(target=lambda: quietly(lambda: fleet.get(f"/jobs/{job['id']}?wait=60")))
    long_poll.start()
    try:
        wait_until(lambda: clients(fleet) >= 4, 10, "all to be connected")
        fleet.controller.send(signal.SIGTERM)
        wait_until(lambda: not fleet.controller.is_alive(), 10, "the controller to end")
        if fleet.controller.child:
            assert fleet.controller.child.wait(5) == 0
        wait_until(lambda: not redis_pids(fleet), 10, "its redis to end with it")
        long_poll.join(10)
        assert not long_poll.is_alive()
    finally:
        for process in waiting:
            process.kill()
            process.wait(5)
    fleet.controller.start()
    fleet.until(lambda: not fleet.unready(), 60, "the fleet to be whole again")
    done = fleet.succeed(job, 40)
    assert len(done["attempts"]) == 1, describe(done)
    fleet.assert_ended_once(job)
    assert fleet.pods() == pods


def clients(fleet: Fleet) -> int:
    """How many connections the admin socket has."""
    rows = (line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:])
    # The sixth column is the state, 03 is connected.
    return sum(row[5] == "03" and row[-1] == str(fleet.socket) for row in rows)


def quietly(call: Any) -> None:
    """Whatever becomes of a call to a controller that ends."""
    try:
        call()
    except (OSError, AssertionError, http.client.HTTPException, ValueError):
        pass
