"""A cog worker whose output is far larger than a report may be, through the whole fleet."""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet import Fleet, describe

BLOCK = bytes(range(251))
REPEATS = 400_000
# Written to the image in place of the base's own model.
MODEL = """
import tempfile
from cog import BaseRunner, Input, Path

class Runner(BaseRunner):
    def run(self, prompt: str = Input(default="")) -> Path:
        target = Path(tempfile.mkdtemp()) / "film.mp4"
        target.write_bytes(bytes(range(251)) * int(prompt))
        return target
"""
LINES = f"""USER root
RUN echo {base64.b64encode(MODEL.encode()).decode()} | base64 -d >/src/predict.py \\
    && PYTHONPATH=$PYTHONPATH:/src python /opt/worker/schema.py predict Runner >/src/.cog/openapi_schema.json
USER worker
"""


@pytest.fixture(scope="module")
def filmer(running: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A template of such a worker, with the command of its image, that asks for large outputs."""
    folder = tmp_path_factory.mktemp("uploads")
    before = running.get("/fleet")["source"]
    file = folder / "cluster.yaml"
    image = running.fresh_image(folder / "image", 1000, LINES)
    template = f"  filmer:\n    image: {image}\n    startup_time: 1s\n    contract: cog\n    large_outputs: true\n"
    file.write_text(before.replace("templates:\n", "templates:\n" + template, 1))
    assert running.jctl("apply", "-f", str(file)).returncode == 0
    yield "filmer"
    file.write_text(before)
    assert running.jctl("apply", "-f", str(file)).returncode == 0


def test_an_output_of_100_mb_arrives(fleet: Fleet, filmer: str) -> None:
    done = fleet.succeed(fleet.submit("video", {"prompt": str(REPEATS)}, template=filmer), 120)
    [output] = done["outputs"]
    assert (output["name"], output["contentType"]) == ("output.mp4", "video/mp4"), describe(done)
    whole = BLOCK * REPEATS
    assert output["size"] == len(whole), output
    assert output["digest"] == "sha256:" + hashlib.sha256(whole).hexdigest(), output
    assert fleet.output(done, "output.mp4") == whole


def test_a_small_output_comes_the_same_way(fleet: Fleet, filmer: str) -> None:
    done = fleet.succeed(fleet.submit("video", {"prompt": "4"}, template=filmer), 120)
    assert fleet.output(done, "output.mp4") == BLOCK * 4
