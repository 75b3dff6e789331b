"""Roamers: lent when a cluster is full, clean afterwards; also by hand and for one job."""

import json
import subprocess
from pathlib import Path

import pytest

from fleet import ROAMERS, Fleet, winner

CYCLE = ["IDLE", "ASSIGNED", "PROVISIONING", "RUNNING", "CLEANUP", "IDLE"]


def way(fleet: Fleet, mark: int, node: str) -> list[str]:
    """The states a roamer went through since a mark, the first one included."""
    events = list(fleet.seen(mark, type="roamer.state", node=node))
    return [events[0]["from"], *(event["to"] for event in events)] if events else []


def test_a_full_cluster_is_helped_and_the_roamer_is_clean_afterwards(fleet: Fleet) -> None:
    mark = fleet.mark()
    busy = [fleet.submit("image", {"prompt": "a sunset", "seconds": 14}) for _ in range(2)]
    for job in busy:
        fleet.wait(job, 10, goal="running")
    assert {fleet.job(job)["node"] for job in busy} == {"agx-01", "agx-02"}
    third = fleet.submit("image", {"prompt": "mountains at night", "seconds": 1})
    done = fleet.succeed(third, 60)
    node = winner(done)["node"]
    assert node in ROAMERS and winner(done)["roamer"] is True and len(done["attempts"]) == 1
    assert done["outputs"][0]["contentType"] == "image/png"
    # It was done before the cluster itself could have done it.
    assert all(fleet.job(job)["state"] == "running" for job in busy)
    for job in busy:
        fleet.succeed(job)
    fleet.until(lambda: way(fleet, mark, node)[-1:] == ["IDLE"], 60, f"{node} to be IDLE again")
    assert way(fleet, mark, node) == CYCLE
    events = list(fleet.seen(mark, type="roamer.state", node=node))
    spent = {event["from"]: event["durationSeconds"] for event in events[1:]}
    assert all(seconds > 0 for seconds in spent.values()), spent
    assert spent["ASSIGNED"] + spent["PROVISIONING"] < 60, "from IDLE to RUNNING took a minute"
    # Kept for release_idle after its job, in case there is more.
    assert spent["RUNNING"] > 20
    fleet.assert_clean(node)
    # The image stays for the next time.
    fleet.docker("image", "inspect", f"{fleet.registry}/jessica/sdxl:latest")


def test_a_roamer_is_assigned_and_released_by_hand(fleet: Fleet) -> None:
    mark = fleet.mark()
    fleet.jctl_json("assign", "agx-13", "--template", "llm-worker", "--manual")
    fleet.expect(mark, 60, "agx-13 to run", type="roamer.state", node="agx-13", to="RUNNING")
    assert fleet.node("agx-13")["roamer"]["template"] == "llm-worker"
    assert fleet.jctl("assign", "agx-13", "--cluster", "vision").returncode == 6, "a roamer was lent twice"
    assert fleet.jctl("assign", "agx-01", "--cluster", "vision").returncode == 6, "a dedicated node was lent"
    # It helps: three jobs at once on a cluster of two.
    jobs = [fleet.submit("text", {"prompt": "hello", "seconds": 4}) for _ in range(3)]
    nodes = {winner(job)["node"] for job in fleet.wait_all(jobs, 30)}
    assert nodes == {"agx-07", "agx-08", "agx-13"}
    fleet.jctl_json("release", "agx-13")
    fleet.expect(mark, 30, "agx-13 to be IDLE", type="roamer.state", node="agx-13", to="IDLE")
    assert way(fleet, mark, "agx-13") == CYCLE
    fleet.assert_clean("agx-13")


def test_a_command_runs_on_a_roamer_of_its_own(fleet: Fleet, tmp_path) -> None:
    mark = fleet.mark()
    script = "cat /job/input.json; echo made here >/job/outputs/made.txt; id -u"
    done = fleet.jctl("run", "--image", "jessica/base:latest", "--input", '{"word": "seen"}', "--out", str(tmp_path), "--", "sh", "-c", script)
    assert done.returncode == 0, done.stderr
    assert '"seen"' in done.stdout and done.stdout.split()[-1] != "0"
    assert (tmp_path / "made.txt").read_text() == "made here\n"
    node = fleet.expect(mark, 5, "a roamer to run", type="roamer.state", to="RUNNING")["node"]
    fleet.until(lambda: way(fleet, mark, node)[-1:] == ["IDLE"], 30, f"{node} to be IDLE again")
    assert way(fleet, mark, node) == CYCLE
    fleet.assert_clean(node)


def volumes(fleet: Fleet, container: str) -> set[str]:
    """The volumes of a container; those that its image declares have no name and no label to be found by."""
    return {mount["Name"] for mount in json.loads(fleet.docker("inspect", container))[0]["Mounts"] if mount["Type"] == "volume"}


def test_volumes_that_an_image_declares_go_with_the_container(fleet: Fleet, tmp_path: Path) -> None:
    image = fleet.fresh_image(tmp_path / "image", 1000, "VOLUME /kept\n")
    job = fleet.run("sleep", "4", image=image)
    node = fleet.wait(job, 60, goal="running")["node"]
    (container,) = fleet.containers(job=job["id"])
    its = volumes(fleet, container)
    assert len(its) == 1, "the image declares one"
    fleet.succeed(job, 60)
    fleet.until(lambda: fleet.roamer(node) == "IDLE", 60, f"{node} to be IDLE")
    fleet.assert_clean(node)
    assert not its & set(fleet.docker("volume", "ls", "-q").split())


def test_a_cordoned_node_gets_no_work(fleet: Fleet) -> None:
    fleet.jctl_json("cordon", "agx-07")
    jobs = [fleet.submit("text", {"prompt": "hello", "seconds": 1}) for _ in range(3)]
    assert all(attempt["node"] != "agx-07" for job in fleet.wait_all(jobs, 60) for attempt in job["attempts"])
    assert fleet.node("agx-07")["schedulable"] is False
    fleet.jctl_json("uncordon", "agx-07")
    assert fleet.node("agx-07")["schedulable"] is True


@pytest.mark.long
def test_every_roamer_becomes_what_is_needed_in_turn(fleet: Fleet) -> None:
    for template, kind in (("sdxl-worker", "image"), ("wan-worker", "video"), ("tts-worker", "voice"), ("generic-worker", "custom")):
        job = fleet.submit(kind, {"prompt": "a sunset"}, template=template)
        done = fleet.succeed(job, 90)
        node = winner(done)["node"]
        assert node in ROAMERS and done["outputs"]
        fleet.until(lambda node=node: fleet.roamer(node) == "IDLE", 30, f"{node} to be IDLE")
        fleet.assert_clean(node)


def groups(container: str) -> list[Path]:
    """The control groups of a container, in both versions and by whoever made them."""
    root = Path("/sys/fs/cgroup")
    return [
        folder / "cgroup.procs"
        for base in (root, root / "pids", root / "devices")
        for folder in (base / f"system.slice/docker-{container}.scope", base / f"docker/{container}")
        if (folder / "cgroup.procs").exists()
    ]


def test_a_roamer_is_not_clean_while_a_process_outlives_its_container(fleet: Fleet) -> None:
    mark = fleet.mark()
    fleet.jctl_json("assign", "agx-14", "--template", "llm-worker", "--manual")
    fleet.expect(mark, 60, "agx-14 to run", type="roamer.state", node="agx-14", to="RUNNING")
    [container] = fleet.docker("ps", "-q", "--no-trunc", "--filter", "label=jessica.node=agx-14").split()
    # As a process that hangs in a driver: it is in the container's group, and Docker cannot end it.
    with subprocess.Popen(["sleep", "600"]) as hung:
        try:
            assert groups(container), "the container has no control group that is known"
            for group in groups(container):
                group.write_text(f"{hung.pid}\n")
            fleet.jctl_json("release", "agx-14")
            event = fleet.expect(
                mark, 60, "agx-14 to be QUARANTINED", type="roamer.state", node="agx-14", to="QUARANTINED"
            )
            assert f"processes of the removed container {container[:12]}" in event["reason"], event
        finally:
            hung.kill()
    fleet.jctl_json("uncordon", "agx-14")
    fleet.expect(mark, 60, "agx-14 to be IDLE", type="roamer.state", node="agx-14", to="IDLE")
    fleet.assert_clean("agx-14")
