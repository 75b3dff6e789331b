"""What changes too often to be an event comes by the stream: nobody has to ask again and again."""

import json
import time
from collections.abc import Callable
from typing import Any

from fleet import Fleet, UnixConnection

Said = list[tuple[str, bool, dict[str, Any]]]


def read(fleet: Fleet, topics: str, is_done: Callable[[Said], bool], within: float = 30) -> Said:
    """What the stream says, (type, whether it has a number, data), until that is enough."""
    connection = UnixConnection(fleet.socket, within)
    said: Said = []
    end = time.monotonic() + within
    try:
        connection.request("GET", f"/api/v1/stream?topics={topics}")
        answer = connection.getresponse()
        assert answer.status == 200
        kind, has_number = "", False
        while time.monotonic() < end and (line := answer.readline().decode()):
            if line.startswith("event:"):
                kind = line[6:].strip()
            elif line.startswith("id:"):
                has_number = True
            elif line.startswith("data:"):
                said.append((kind, has_number, json.loads(line[5:])))
                kind, has_number = "", False
                if is_done(said):
                    return said
            elif not line.strip():
                # A block without data says only where the stream is.
                kind, has_number = "", False
    finally:
        connection.close()
    raise AssertionError(f"not said within {within} s: {said[-3:]}")


def test_measurements_of_every_node_come_by_the_stream(fleet: Fleet) -> None:
    names = {node["name"] for node in fleet.get("/nodes")["items"]}

    def measured(said: Said) -> set[str]:
        return {data["node"] for kind, _, data in said if kind == "node.telemetry" and data.get("telemetry", {}).get("memoryUsed")}

    said = read(fleet, "telemetry", lambda said: measured(said) == names)
    assert all(kind == "node.telemetry" and not has_number for kind, has_number, _ in said)

    # And again, as agents measure anew.
    def thrice(said: Said) -> bool:
        return all(len({data["telemetry"]["at"] for _, _, data in said if data["node"] == name}) >= 3 for name in names)

    read(fleet, "telemetry", thrice)


def test_a_job_is_followed_without_asking(fleet: Fleet) -> None:
    job = fleet.submit("image", {"prompt": "the sea", "seconds": 4})
    said = read(
        fleet, f"job:{job['id']}", lambda said: any(kind == "job.state" and data.get("to") == "succeeded" for kind, _, data in said), 60
    )
    steps = [data for kind, has_number, data in said if kind == "job.progress" and not has_number]
    assert steps and all(step["job"] == job["id"] for step in steps), said
    assert all(has_number for kind, has_number, _ in said if kind == "job.state")


def test_jctl_follows_by_the_stream(fleet: Fleet) -> None:
    """However long a job takes, jctl asks as often as it has changed."""

    before = fleet.metric("jessica_http_requests_total")
    done = fleet.jctl("submit", "--kind", "image", "--input", json.dumps({"prompt": "a harbour", "seconds": 8}), "--wait")
    assert done.returncode == 0, done.stderr
    # One to submit, one for each event, one to follow them.
    assert fleet.metric("jessica_http_requests_total") - before < 15, "it has asked again and again"
