"""Outputs in an S3 bucket: the agent puts them there with what it was granted, and jctl gets them back."""

from pathlib import Path

from alone import Bucket, Controller
from fleet import Fleet, wait_until

NAME = "storage-test"
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
    """What an agent leaves running when it ends: its containers, and their network."""
    mine = ("--filter", f"label=jessica.fleet={NAME}")
    for container in fleet.docker("ps", "-aq", *mine).split():
        fleet.docker("rm", "--force", container)
    for network in fleet.docker("network", "ls", "-q", *mine).split():
        fleet.docker("network", "rm", network)


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
                assert bucket.files() == {f"jessica/outputs/images/{job}/1/{saved.name}": picture}
                assert not [path for path in (controller.state / "objects").rglob("*") if path.is_file()]
                again = controller.jctl("outputs", job, "--out", tmp_path / "again")
                assert again.returncode == 0, again
                assert {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()} == {saved.name: picture}
            finally:
                clear(running)
        # The agent was never told the keys.
        for path in (tmp_path / "agx-01").rglob("*"):
            assert not path.is_file() or bucket.KEYS[1].encode() not in path.read_bytes(), path
