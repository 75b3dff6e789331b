"""Files in an S3 bucket: agents put outputs there, and jctl inputs, with what they were granted, and get them back."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from alone import Bucket, Controller
from fleet import Fleet, most_memory, wait_until

NAME = "storage-test"
ROAMER_FLEET = """\
fleet: {name}
registry: {registry}
{storage}
clusters: {{}}
roamers: {{nodes: [agx-11]}}
templates:
  digest: {{image: jessica/base:latest, contract: exec, command: [sh, -c, "sha256sum /job/inputs/*"]}}
"""
FLEET = """\
fleet: {name}
registry: {registry}
storage: {{endpoint: "{endpoint}", bucket: jessica}}
clusters:
  vision: {{nodes: [agx-01], kinds: [image], service: sdxl-api}}
services:
  sdxl-api: {{replicas: 1, image: jessica/sdxl:latest, contract: cog, memory: 1GB}}
"""


def clear(fleet: Fleet) -> None:
    clear_of(fleet, NAME)


def clear_of(fleet: Fleet, name: str) -> None:
    """What an agent leaves running when it ends: its containers, and their network.

    It may still live, and remove some of that itself at the same moment.
    """
    mine = ("--filter", f"label=jessica.fleet={name}")

    def is_cleared() -> bool:
        containers, networks = fleet.docker("ps", "-aq", *mine).split(), fleet.docker("network", "ls", "-q", *mine).split()
        for container in containers:
            fleet.docker("rm", "--force", container, check=False)
        for network in networks:
            fleet.docker("network", "rm", network, check=False)
        return not containers and not networks

    wait_until(is_cleared, 30, f"nothing of {name} to be left")


def test_a_picture_goes_to_the_bucket_and_comes_back(running: Fleet, tmp_path: Path) -> None:
    with Bucket(tmp_path) as bucket:
        file = tmp_path / "fleet.yaml"
        file.write_text(FLEET.format(name=NAME, registry=running.registry, endpoint=bucket.endpoint))
        keys = "storage: {access_key: %s, secret_key: %s}\n" % bucket.KEYS
        controller = Controller(running, tmp_path, f"fleet_file: {file}\n{keys}")
        with controller.start(), controller.agent(running, "agx-01", NAME):
            try:
                ready = lambda: [pod["state"] for pod in controller.get("/api/v1/nodes/agx-01")[1]["pods"]] == ["ready"]
                wait_until(ready, 90, "the service to be ready")
                asked = controller.jctl("ask", "Generate an image of a sunset", "--wait", "--out", tmp_path / "out", "-o", "name")
                assert asked.returncode == 0, asked
                (saved,) = (tmp_path / "out").iterdir()
                picture = saved.read_bytes()
                assert picture[:8] == b"\x89PNG\r\n\x1a\n"
                job = asked.stdout.strip().removeprefix("job/")
                # Where the document says, and nowhere else.
                files = {name: data for name, data in bucket.files().items() if not name.startswith("jessica/logs/")}
                assert files == {f"jessica/outputs/images/{job}/1/{saved.name}": picture}
                assert not [path for path in (controller.state / "objects").rglob("*") if path.is_file()]
                again = controller.jctl("outputs", job, "--out", tmp_path / "again")
                assert again.returncode == 0, again
                assert {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()} == {saved.name: picture}
            finally:
                clear(running)
        # The agent was never told the keys.
        for path in (tmp_path / "agx-01").rglob("*"):
            assert not path.is_file() or bucket.KEYS[1].encode() not in path.read_bytes(), path


def is_idle(controller: Controller) -> bool:
    status, node = controller.get("/api/v1/nodes/agx-11")
    return status == 200 and (node.get("roamer") or {}).get("state") == "IDLE"


def controller_of(bucket: Bucket, running: Fleet, tmp_path: Path, name: str = "jessica") -> Controller:
    """A controller that keeps its objects there, in the bucket of that name."""
    file = tmp_path / "fleet.yaml"
    storage = f'storage: {{endpoint: "{bucket.endpoint}", bucket: {name}}}'
    file.write_text(ROAMER_FLEET.format(name=NAME, registry=running.registry, storage=storage))
    keys = "storage: {access_key: %s, secret_key: %s}\n" % bucket.KEYS
    return Controller(running, tmp_path, f"fleet_file: {file}\n{keys}")


def job(controller: Controller, script: str, timeout: float) -> dict:
    """A command on the roamer, to its end."""
    run = controller.jctl("run", "-d", "--retries", "0", "--image", "jessica/base:latest", "--", "sh", "-c", script)
    assert run.returncode == 0, run
    controller.jctl("wait", run.stdout.strip(), timeout=timeout)
    return controller.get(f"/api/v1/jobs/{run.stdout.strip()}")[1]


@pytest.mark.parametrize("name", ["jessica", "objects"])
def test_a_file_for_a_job_goes_through_the_bucket(running: Fleet, tmp_path: Path, name: str) -> None:
    """Its address is the bucket's, also where that is called as the controller's own door for files."""
    photo = tmp_path / "photo.bin"
    photo.write_bytes(os.urandom(3_000_000))
    with Bucket(tmp_path) as bucket:
        controller = controller_of(bucket, running, tmp_path, name)
        with controller.start(), controller.agent(running, "agx-11", NAME):
            try:
                wait_until(lambda: is_idle(controller), 60, "the roamer to be idle")
                asked = controller.jctl("submit", "--kind", "custom", "--template", "digest", "--file", f"photo={photo}")
                assert asked.returncode == 0, asked
                id = asked.stdout.strip()
                controller.jctl("wait", id)
                done = controller.get(f"/api/v1/jobs/{id}")[1]
                assert done["state"] == "succeeded", json.dumps(done)
                digest = controller.jctl("logs", id).stdout.split()[0]
                assert digest == hashlib.sha256(photo.read_bytes()).hexdigest()
                (stored,) = bucket.folder.rglob("photo.bin")
                assert str(stored.relative_to(bucket.folder)).startswith(f"{name}/uploads/"), stored
                assert stored.parent.name == done["input"]["photo"]["$upload"], json.dumps(done)
                assert not [path for path in (controller.state / "objects").rglob("*") if path.is_file()]
            finally:
                clear(running)


@pytest.mark.parametrize("megabytes", [200, pytest.param(2048, marks=pytest.mark.long)])
def test_a_large_output_goes_to_the_bucket_unharmed(running: Fleet, tmp_path: Path, megabytes: int) -> None:
    with Bucket(tmp_path) as bucket:
        controller = controller_of(bucket, running, tmp_path)
        with controller.start() as program, controller.agent(running, "agx-11", NAME) as agent:
            try:
                wait_until(lambda: is_idle(controller), 60, "the roamer to be idle")
                before = most_memory(agent.process.pid), most_memory(program.process.pid)
                script = f"head -c {megabytes}M /dev/urandom > /job/outputs/big.bin; sha256sum < /job/outputs/big.bin"
                done = job(controller, script, 60 + megabytes)
                assert done["state"] == "succeeded", done
                (output,) = done["outputs"]
                digest = controller.jctl("logs", done["id"]).stdout.split()[0]
                assert output["size"] == megabytes << 20 and output["digest"] == f"sha256:{digest}", output
                (stored,) = [path for path in bucket.folder.rglob("big.bin")]
                with stored.open("rb") as data:
                    assert hashlib.file_digest(data, "sha256").hexdigest() == digest
                after = most_memory(agent.process.pid), most_memory(program.process.pid)
                assert after[0] < before[0] + 60 and after[1] < before[1] + 60, (before, after)
                # jctl does not hand on what the store has let rot.
                with stored.open("r+b") as data:
                    data.write(b"rot")
                saved = controller.jctl("outputs", done["id"], "--out", tmp_path / "out", timeout=300)
                assert saved.returncode == 1 and "came damaged" in saved.stderr, saved
                assert not list((tmp_path / "out").iterdir())
            finally:
                clear(running)


def test_the_doctor_tries_whether_the_bucket_keeps_anything(running: Fleet, tmp_path: Path) -> None:
    with Bucket(tmp_path) as bucket:
        controller = controller_of(bucket, running, tmp_path)

        def found() -> dict:
            (finding,) = [item for item in controller.get("/api/v1/diagnosis")[1]["items"] if item["name"] == "objects"]
            return finding

        with controller.start():
            assert found()["status"] == "ok", found()
            assert not [name for name in bucket.files() if name.startswith("jessica/configs/")]
            bucket.end()
            bucket.serve("--read-only")
            assert found()["status"] == "failed", found()
            bucket.end()
            shutil.rmtree(bucket.folder / "jessica")
            bucket.serve()
            lost = found()
            assert lost["status"] == "failed" and "NoSuchBucket" in lost["message"] and "is the bucket gone" in lost["action"], lost
        with controller.start():
            assert found()["status"] == "ok", found()


def test_outputs_of_any_name_come_back(running: Fleet, tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    with Bucket(tmp_path) as bucket:
        storage = f'storage: {{endpoint: "{bucket.endpoint}", bucket: jessica}}'
        file.write_text(ROAMER_FLEET.format(name=NAME, registry=running.registry, storage=storage))
        keys = "storage: {access_key: %s, secret_key: %s}\n" % bucket.KEYS
        controller = Controller(running, tmp_path, f"fleet_file: {file}\n{keys}")
        with controller.start(), controller.agent(running, "agx-11", NAME):
            try:
                wait_until(lambda: is_idle(controller), 60, "the roamer to be idle")
                script = "cd /job/outputs; printf 'a\\0\\377' > 'my picture ü.txt'; echo dot > .hidden; echo plain > _20"
                done = job(controller, script, 60)
                assert done["state"] == "succeeded", json.dumps(done)
                expected = {"my picture ü.txt": b"a\0\xff", ".hidden": b"dot\n", "_20": b"plain\n"}
                assert {output["name"] for output in done["outputs"]} == set(expected)
                for output in done["outputs"]:
                    assert controller.get(output["url"]) == (200, expected[output["name"]]), output
                saved = controller.jctl("outputs", done["id"], "--out", tmp_path / "out")
                assert saved.returncode == 0, saved
                # jctl writes no hidden file into a folder of the user's.
                files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
                assert files == {name if name != ".hidden" else "_hidden": data for name, data in expected.items()}
            finally:
                clear(running)


def test_a_full_disk_fails_the_job_and_not_the_agent(running: Fleet, tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text(ROAMER_FLEET.format(name=NAME, registry=running.registry, storage=""))
    controller = Controller(running, tmp_path, f"fleet_file: {file}\n")
    disk = tmp_path / "agx-11"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], check=True)
    try:
        with controller.start(), controller.agent(running, "agx-11", NAME) as agent:
            try:
                wait_until(lambda: is_idle(controller), 60, "the roamer to be idle")
                failed = job(controller, "head -c 60M /dev/zero > /job/outputs/big.bin", 60)
                assert failed["state"] == "failed" and failed["error"]["code"] == "disk_full", json.dumps(failed)
                assert "space" in failed["error"]["message"], failed["error"]
                wait_until(lambda: is_idle(controller), 60, "the roamer to be idle again")
                done = job(controller, "echo small > /job/outputs/small.txt", 60)
                assert done["state"] == "succeeded" and agent.is_alive(), json.dumps(done)
            finally:
                clear(running)
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
