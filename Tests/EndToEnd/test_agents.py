"""What becomes of work and pods when an agent dies, hangs, or its node is gone."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from fleet import ROAMERS, Fleet, describe, winner

# What Scripts/test gives the controller.
LOST_AFTER = 34.0


def start_on_vision(fleet: Fleet, seconds: float, **fields: Any) -> tuple[dict[str, Any], str]:
    """An image job that runs, and its node."""
    job = fleet.submit("image", {"prompt": "a sunset", "seconds": seconds}, **fields)
    return job, fleet.wait(job, 15, goal="running")["node"]


def test_an_agent_killed_under_a_job_takes_it_up_again(fleet: Fleet) -> None:
    pods = fleet.pods()
    job, node = start_on_vision(fleet, 9, retrySafe=False)
    mark = fleet.mark()
    fleet.agents[node].kill()
    fleet.expect(mark, 5, "the node to be suspect", type="node.state", node=node, to="suspect")
    time.sleep(3)  # The fault itself: so long is it away.
    fleet.agents[node].start()
    fleet.expect(mark, 15, "the node to be back", type="node.state", node=node, to="ready")
    done = fleet.succeed(job, 40)
    assert len(done["attempts"]) == 1 and winner(done)["node"] == node, describe(done)
    fleet.assert_ended_once(job)
    assert fleet.pods()[node] == pods[node], "the container was not adopted but made anew"


@pytest.mark.long
def test_a_pod_that_does_not_answer_is_started_anew(fleet: Fleet) -> None:
    job, node = start_on_vision(fleet, 300)
    [hung] = fleet.containers(node=node)
    fleet.docker("pause", hung)
    try:

        def is_new() -> bool:
            ids = fleet.containers(node=node)
            return len(ids) == 1 and ids != [hung] and [pod["state"] for pod in fleet.node(node)["pods"]] == ["ready"]

        # It is asked every 5 s, may take 3 s for its answer, and may owe six.
        fleet.until(is_new, 150, "a new pod in the place of the one that hangs")
    finally:
        fleet.docker("unpause", hung, check=False)
    fleet.until(lambda: len(fleet.job(job)["attempts"]) == 2, 60, "a second attempt")
    first = fleet.job(job)["attempts"][0]
    assert first["state"] == "failed" and first["error"]["code"] == "worker_died", describe(fleet.job(job))
    fleet.post(f"/jobs/{job['id']}/cancel")
    ended = fleet.wait(job, 30)
    assert ended["state"] == "cancelled", describe(ended)
    fleet.assert_ended_once(job)


def test_an_agent_killed_between_jobs_adopts_its_pod(fleet: Fleet) -> None:
    pods = fleet.pods()
    mark = fleet.mark()
    for node in ("agx-07", "agx-08"):
        fleet.agents[node].kill()
        fleet.agents[node].start()
    fleet.until(lambda: len({event["node"] for event in fleet.seen(mark, type="node.state", to="ready")}) == 2, 20, "both nodes to be back")
    fleet.succeed(fleet.submit("text", {"prompt": "hello"}), 30)
    assert fleet.pods() == pods


def test_a_retry_safe_job_is_hedged_at_once(fleet: Fleet) -> None:
    # Just started, a controller gives the agents it has not heard yet a moment.
    fleet.until(lambda: fleet.get("/summary")["uptimeSeconds"] > 20, 25, "the controller's start to be over")
    job, node = start_on_vision(fleet, 12)
    mark = fleet.mark()
    killed = time.monotonic()
    fleet.agents[node].kill()
    fleet.until(lambda: len(fleet.job(job)["attempts"]) == 2, 10, "a second attempt")
    assert time.monotonic() - killed < 5, "a closed link must be noticed at once"
    second = fleet.job(job)["attempts"][1]
    assert second["node"] != node and second["hedge"] is True
    done = fleet.succeed(job, 60)
    assert winner(done)["attempt"] == 2, describe(done)
    # The first copy comes back too late: its result changes nothing.
    fleet.agents[node].start()
    fleet.expect(mark, 20, "the node to be back", type="node.state", node=node, to="ready")
    fleet.until(lambda: all(attempt["state"] in ("succeeded", "stopped", "lost") for attempt in fleet.job(job)["attempts"]), 40, "the first attempt to end")
    fleet.assert_ended_once(job)
    assert winner(fleet.job(job))["attempt"] == 2


@pytest.mark.long
def test_a_job_that_is_not_retry_safe_waits_for_the_lease_to_end(fleet: Fleet) -> None:
    job, node = start_on_vision(fleet, 20, retrySafe=False)
    mark = fleet.mark()
    fleet.agents[node].kill()
    lost = fleet.expect(mark, LOST_AFTER + 20, "the node to be lost", type="node.state", node=node, to="lost")
    assert not [event for event in fleet.seen(mark, type="job.state", job=job["id"]) if event["seq"] < lost["seq"] and event["to"] == "assigned"]
    done = fleet.succeed(job, 60)
    first, second = done["attempts"]
    assert first["state"] == "lost" and second["node"] != node and second["hedge"] is False
    assert second["assignedAt"] >= lost["at"], "it was given away before the lease had ended"
    fleet.assert_ended_once(job)


@pytest.mark.long
def test_a_roamer_stands_in_for_a_node_that_is_gone(fleet: Fleet) -> None:
    mark = fleet.mark()
    fleet.agents["agx-05"].kill()
    fleet.docker("rm", "-f", *fleet.containers(node="agx-05"))
    running = fleet.expect(mark, 20, "a roamer to serve voice", type="roamer.state", to="RUNNING")
    stand_in = running["node"]
    assert stand_in in ROAMERS
    assignment = fleet.node(stand_in)["roamer"]["assignment"]
    assert assignment["cluster"] == "voice" and "agx-05" in assignment["purpose"]
    done = fleet.succeed(fleet.submit("voice", {"prompt": "I stand in"}), 20)
    assert winner(done)["node"] == stand_in
    fleet.agents["agx-05"].start()
    fleet.expect(mark, 60, "the stand-in to be released", type="roamer.state", node=stand_in, to="IDLE")
    fleet.assert_clean(stand_in)
    fleet.until(lambda: not fleet.unready(), 60, lambda: f"the pod to be back: {fleet.unready()}")
    assert winner(fleet.succeed(fleet.submit("voice", {"prompt": "back again"}), 20))["node"] == "agx-05"


def test_a_pod_that_dies_is_started_again(fleet: Fleet) -> None:
    before = fleet.pods()["agx-06"]
    mark = fleet.mark()
    fleet.docker("kill", before[0])
    fleet.expect(mark, 30, "the pod to be ready again", type="pod.state", node="agx-06", to="ready")
    assert fleet.pods()["agx-06"][0] != before[0]
    fleet.succeed(fleet.submit("audio", {"prompt": "calm", "duration": 1}), 30)


def test_a_stopped_agent_kills_nothing(fleet: Fleet) -> None:
    pods = fleet.pods()
    job, node = start_on_vision(fleet, 5, retrySafe=False)
    fleet.agents[node].pause()
    time.sleep(10)  # The fault itself.
    fleet.agents[node].resume()
    done = fleet.succeed(job, 30)
    assert len(done["attempts"]) == 1, describe(done)
    fleet.assert_ended_once(job)
    fleet.until(lambda: fleet.node(node)["state"] == "ready", 10, "the node to be heard again")
    assert fleet.pods() == pods


def test_a_stand_in_is_released_when_a_silent_node_is_heard_again(fleet: Fleet) -> None:
    pods = fleet.pods()
    mark = fleet.mark()
    fleet.agents["agx-06"].pause()
    stand_in = fleet.expect(mark, 20, "a stand-in", type="roamer.state", to="ASSIGNED")["node"]
    fleet.agents["agx-06"].resume()
    fleet.expect(mark, 10, "the node to be heard again", type="node.state", node="agx-06", to="ready")
    fleet.expect(mark, 20, "the stand-in to be released", type="roamer.state", node=stand_in, to="IDLE")
    fleet.assert_clean(stand_in)
    assert fleet.pods() == pods


@pytest.mark.long
def test_a_roamer_whose_agent_dies_comes_back_clean(fleet: Fleet) -> None:
    job = fleet.run("sleep", "120")
    node = fleet.wait(job, 20, goal="running")["node"]
    mark = fleet.mark()
    fleet.agents[node].kill()
    fleet.docker("rm", "-f", *fleet.containers(node=node))
    fleet.agents[node].start()
    ended = fleet.wait(job, 60)
    assert ended["state"] == "failed", describe(ended)
    fleet.expect(mark, 60, f"{node} to be IDLE", type="roamer.state", node=node, to="IDLE")
    fleet.assert_clean(node)


def test_a_node_tells_what_its_containers_use(fleet: Fleet) -> None:
    def use() -> dict[str, Any] | None:
        containers = (fleet.node("agx-01")["telemetry"] or {}).get("containers") or []
        return next((each for each in containers if each["name"] == "sdxl-api" and "cpu" in each), None)

    idle = fleet.until(use, 30, "the use of agx-01's pod")
    assert 1 << 20 < idle["memory"] < 1 << 32 and 0 <= idle["cpu"] < 400, idle
    described = fleet.jctl("describe", "node", "agx-01").stdout
    assert "CONTAINER" in described and "sdxl-api" in described.split("CONTAINER")[1], described


def test_what_an_image_took_is_remembered(fleet: Fleet) -> None:
    job = fleet.run("python", "-c", "import time; much = b'x' * 300_000_000; time.sleep(8)")
    node = fleet.wait(job, 60, goal="running")["node"]

    def peak() -> int:
        peaks = fleet.get(f"/nodes/{node}").get("memoryPeaks") or []
        return max((peak["bytes"] for peak in peaks if "/base:" in peak["image"]), default=0)

    # Seen while it grows, and not noted again for a sixteenth more.
    fleet.until(lambda: peak() > 270_000_000, 15, lambda: f"a peak of the image: {peak()}")
    assert "Peaks" in fleet.jctl("describe", "node", node).stdout
    fleet.succeed(job, 30)


def removed(fleet: Fleet, network: str) -> bool:
    """Takes a network from under the workers, who join it again when they find that they are not on it."""
    for container in json.loads(fleet.docker("network", "inspect", network))[0]["Containers"]:
        fleet.docker("network", "disconnect", "--force", network, container, check=False)
    fleet.docker("network", "rm", network, check=False)
    return not fleet.docker("network", "ls", "--quiet", "--filter", f"name=^{network}$").strip()


def test_a_worker_joins_the_networks_under_its_services_name(fleet: Fleet, tmp_path: Path) -> None:
    (old,) = fleet.containers(node="agx-06")
    clusters = ("jessica-mesh", "fleet-mgmt")
    for network in clusters:
        fleet.docker("network", "create", network)
    before, file = fleet.get("/fleet")["source"], tmp_path / "cluster.yaml"
    managing = before.replace("  music-api:\n", "  music-api:\n    networks: [fleet-mgmt]\n")
    assert managing != before
    try:
        file.write_text(managing)
        assert fleet.jctl("apply", "-f", str(file)).returncode == 0
        fleet.until(lambda: fleet.containers(node="agx-06") not in ([], [old]) and not fleet.unready(), 60, "the pod to be back")
        (pod,) = fleet.containers(node="agx-06")
        networks = json.loads(fleet.docker("inspect", pod))[0]["NetworkSettings"]["Networks"]
        assert len(networks) == 3 and all("music-api" in networks[name]["Aliases"] for name in clusters), networks
        seen = fleet.docker("run", "--rm", "--network", "jessica-mesh", "--entrypoint", "getent", "jessica/base:latest", "hosts", "music-api")
        assert seen.split()[0] == networks["jessica-mesh"]["IPAddress"], seen
        fleet.succeed(fleet.submit("audio", {"prompt": "calm"}), 30)
        # A helper has the name too, beside its own.
        mark = fleet.mark()
        fleet.jctl_json("assign", "agx-12", "--cluster", "audio", "--manual")
        fleet.expect(mark, 60, "agx-12 to run", type="roamer.state", node="agx-12", to="RUNNING")
        (helper,) = fleet.containers(node="agx-12")
        aliases = json.loads(fleet.docker("inspect", helper))[0]["NetworkSettings"]["Networks"]["jessica-mesh"]["Aliases"]
        assert "music-api" in aliases and any(alias.startswith("w-") for alias in aliases), aliases
        fleet.jctl_json("release", "agx-12")
        fleet.expect(mark, 30, "agx-12 to be IDLE", type="roamer.state", node="agx-12", to="IDLE")
    finally:
        file.write_text(before)
        assert fleet.jctl("apply", "-f", str(file)).returncode == 0
        for network in clusters:
            fleet.until(lambda: removed(fleet, network), 30, f"{network} to be gone")
