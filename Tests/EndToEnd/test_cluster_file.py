"""cluster.yaml: the user's own blocks load word for word; a wrong file changes nothing and names every mistake."""

import re
from pathlib import Path

from fleet import Fleet

AROUND = """\
fleet: jessica
registry: spark:5000
models: {source: "spark:/mnt/models", mount: /mnt/spark-models}
clusters:
  vision: {nodes: [agx-01, agx-02], kinds: [image], service: sdxl-api, template: sdxl-worker}
  video: {nodes: [agx-03, agx-04], kinds: [video], service: wan-api, template: wan-worker}
  voice: {nodes: [agx-05], kinds: [voice], service: tts-api, template: tts-worker}
  audio: {nodes: [agx-06], kinds: [audio], service: music-api}
  brain: {nodes: [agx-07, agx-08], kinds: [text], service: llm-api, template: llm-worker}
  eyes: {nodes: [agx-09], kinds: [vision], service: camera-api}
  jessica: {nodes: [agx-10], kinds: [personality], service: jessica-personality}
roamers: {nodes: [agx-11, agx-12, agx-13, agx-14, agx-15]}

"""

# The user's document, letter by letter.
USERS_BLOCKS = [(Path(__file__).parent / "user" / f"{name}.yaml").read_text() for name in ("spark", "services", "templates", "networks")]

# (line, word of the message) of each mistake.
WRONG = """\
fleet: jessica
clusters:
  vision:
    nodes: [agx-01, agx-02, agx-01]
    kinds: [image]
    service: sdxl-api
    colour: blue
  video:
    nodes: [agx-02, agx-03]
    kinds: [video]
    service: wan-api
services:
  sdxl-api:
    replicas: 2
  wan-api:
    replicas: 3
    image: jessica/wan:latest
"""
MISTAKES = {4: "agx-01", 7: "colour", 9: "agx-02", 13: "image", 16: "replicas"}


def test_the_users_own_blocks_load_word_for_word(fleet: Fleet, tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(AROUND + "".join(USERS_BLOCKS))
    before = fleet.get("/fleet")["revision"]
    planned = fleet.jctl("plan", "-f", str(file))
    assert planned.returncode == 1, planned.stderr
    for model in ("loras/*", "llama-3.1-70b-4bit", "/dev/video3"):
        assert model in planned.stdout, f"{model} is not in the plan:\n{planned.stdout}"
    assert fleet.get("/fleet")["revision"] == before, "a plan has changed the fleet"
    # What runs now is what was asked for: nothing to do.
    file.write_text(fleet.get("/fleet")["source"])
    assert fleet.jctl("plan", "-f", str(file)).returncode == 0


def test_five_mistakes_give_five_lines_and_nothing_is_applied(fleet: Fleet, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(WRONG)
    before = fleet.get("/fleet")
    done = fleet.jctl("apply", "-f", str(file))
    assert done.returncode == 2, done.stderr
    lines = re.findall(rf"^\s*{re.escape(str(file))}:(\d+): (.*)$", done.stderr, re.MULTILINE)
    assert [int(line) for line, _ in lines] == sorted(MISTAKES), done.stderr
    for line, text in lines:
        assert MISTAKES[int(line)] in text, f"line {line} says: {text}"
    assert fleet.get("/fleet") == before
    assert len(fleet.items("/nodes")) == 15
