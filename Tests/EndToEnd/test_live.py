"""What changes too often to be an event comes by the stream: nobody has to ask again and again."""

import functools
import json
import time
from collections.abc import Callable
from typing import Any

import jsonschema

from fleet import PATIENCE, ROAMERS, Fleet, UnixConnection
from test_api import description, strict, validator

Said = list[tuple[str, dict[str, Any]]]
# What says how something is now is in no record, and has no number.
NOW = {"job.progress": "JobProgress", "node.telemetry": "NodeTelemetry"}


@functools.cache
def validators() -> dict[str, jsonschema.Draft202012Validator]:
    """What holds the data of the stream against the description, by the name of its schema."""
    document = strict(description())
    return {name: validator(document, document["components"]["schemas"][name]) for name in ("Event", *NOW.values())}


def hold(kind: str, number: int | None, data: dict[str, Any]) -> None:
    """What the stream says is as it is described."""
    validators()[NOW.get(kind, "Event")].validate(data)
    if kind in NOW:
        assert number is None, f"{kind} has a number: {data}"
    else:
        assert (data["type"], data["seq"]) == (kind, number), data


def read(fleet: Fleet, topics: str, is_done: Callable[[Said], bool], within: float = 60, begin: Callable[[], Any] = lambda: None) -> Said:
    """What the stream says, (type, data), until that is enough; `begin` is called once it is followed."""
    within *= PATIENCE
    connection = UnixConnection(fleet.socket, within)
    said: Said = []
    end = time.monotonic() + within
    try:
        connection.request("GET", f"/api/v1/stream?topics={topics}")
        answer = connection.getresponse()
        assert answer.status == 200
        begin()
        kind, number = "", None
        while time.monotonic() < end and (line := answer.readline().decode()):
            if line.startswith("event:"):
                kind = line[6:].strip()
            elif line.startswith("id:"):
                number = int(line[3:])
            elif line.startswith("data:"):
                data = json.loads(line[5:])
                hold(kind, number, data)
                said.append((kind, data))
                kind, number = "", None
                if is_done(said):
                    return said
            elif not line.strip():
                # A block without data says only where the stream is.
                kind, number = "", None
    finally:
        connection.close()
    raise AssertionError(f"not said within {within} s: {said[-3:]}")


def test_measurements_of_every_node_come_by_the_stream(fleet: Fleet) -> None:
    names = {node["name"] for node in fleet.get("/nodes")["items"]}

    def measured(said: Said) -> set[str]:
        return {data["node"] for kind, data in said if kind == "node.telemetry" and data.get("telemetry", {}).get("memoryUsed")}

    said = read(fleet, "telemetry", lambda said: measured(said) == names)
    assert all(kind == "node.telemetry" for kind, _ in said)

    # And again, as agents measure anew.
    def thrice(said: Said) -> bool:
        return all(len({data["telemetry"]["at"] for _, data in said if data["node"] == name}) >= 3 for name in names)

    read(fleet, "telemetry", thrice)


def test_a_job_is_followed_without_asking(fleet: Fleet) -> None:
    job = fleet.submit("image", {"prompt": "the sea", "seconds": 4})
    said = read(fleet, f"job:{job['id']}", lambda said: any(kind == "job.state" and data.get("to") == "succeeded" for kind, data in said))
    steps = [data for kind, data in said if kind == "job.progress"]
    assert steps and all(step["job"] == job["id"] for step in steps), said


def test_a_roamer_is_followed_as_it_is_made_ready(fleet: Fleet) -> None:
    name = ROAMERS[2]

    def is_done(said: Said) -> bool:
        runs = any(kind == "roamer.state" and data["to"] == "RUNNING" for kind, data in said)
        return runs and any(data["starting"] for kind, data in said if kind == "node.telemetry")

    said = read(fleet, f"node:{name}", is_done, begin=lambda: fleet.jctl_json("assign", name, "--template", "llm-worker", "--manual"))
    fleet.jctl_json("release", name)
    assert {kind for kind, _ in said} >= {"assignment", "roamer.state", "pod.state", "node.telemetry"}, said
    assert all(data["node"] == name for _, data in said), said


def test_jctl_follows_by_the_stream(fleet: Fleet) -> None:
    """However long a job takes, jctl asks as often as it has changed."""

    before = fleet.metric("jessica_http_requests_total")
    done = fleet.jctl("submit", "--kind", "image", "--input", json.dumps({"prompt": "a harbour", "seconds": 8}), "--wait")
    assert done.returncode == 0, done.stderr
    # One to submit, one for each event, one to follow them.
    assert fleet.metric("jessica_http_requests_total") - before < 15, "it has asked again and again"
