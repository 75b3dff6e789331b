"""Workers with an OpenAI-compatible server, through the whole fleet."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet import Fleet, describe

SERVER = Path(__file__).with_name("openai_server.py")


def template(name: str, image: str, port: int) -> str:
    command = json.dumps(["python", "-c", SERVER.read_text(), str(port)])
    return f"  {name}:\n    image: {image}\n    startup_time: 1s\n    contract: openai\n    command: {command}\n"


@pytest.fixture(scope="module")
def parrot(running: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A template with such a server, applied for these tests, and one whose image tells another port."""
    folder = tmp_path_factory.mktemp("openai")
    before = running.get("/fleet")["source"]
    file = folder / "cluster.yaml"
    labelled = running.fresh_image(folder / "image", 1000, "LABEL jessica.port=8123\n")
    templates = template("parrot-worker", "jessica/base:latest", 5000) + template("labelled-worker", labelled, 8123)
    file.write_text(before.replace("templates:\n", "templates:\n" + templates, 1))
    assert running.jctl("apply", "-f", str(file)).returncode == 0
    yield "parrot-worker"
    file.write_text(before)
    assert running.jctl("apply", "-f", str(file)).returncode == 0


def test_text_comes_word_by_word(fleet: Fleet, parrot: str) -> None:
    job = fleet.submit("text", {"prompt": "hello", "words": 30}, template=parrot)
    fleet.wait(job, 60, goal="running")
    # Said while it is still at it, not at the end.
    fleet.until(lambda: "word-2 " in fleet.jctl("logs", job["id"]).stdout, 20, "the first words")
    assert fleet.job(job)["state"] == "running", describe(fleet.job(job))
    done = fleet.succeed(job, 30)
    said = "".join(f"word-{number} " for number in range(30))
    assert fleet.output(done, "text.txt").decode() == said
    assert fleet.jctl("logs", job["id"]).stdout.strip() == said.strip()
    answer = json.loads(fleet.output(done, "response.json"))
    assert answer["model"] == "parrot" and answer["usage"]["completion_tokens"] == 30, answer


def test_a_server_listens_where_its_image_says(fleet: Fleet, parrot: str) -> None:
    done = fleet.succeed(fleet.submit("text", {"prompt": "hello"}, template="labelled-worker"), 60)
    assert fleet.output(done, "text.txt").decode() == "word-0 word-1 word-2 "


def test_a_cancel_ends_the_request(fleet: Fleet, parrot: str) -> None:
    job = fleet.submit("text", {"prompt": "hello", "words": 3000}, template=parrot)
    fleet.wait(job, 60, goal="running")
    began = time.monotonic()
    assert fleet.jctl("cancel", job["id"]).returncode == 0
    ended = fleet.wait(job, 10)
    assert ended["state"] == "cancelled" and time.monotonic() - began < 8, describe(ended)
    # What was said until then is kept.
    assert "word-0 " in fleet.jctl("logs", job["id"]).stdout


def test_images_and_speech(fleet: Fleet, parrot: str) -> None:
    image = fleet.succeed(fleet.submit("image", {"prompt": "a sunset"}, template=parrot), 60)
    assert fleet.output(image, "image.png").startswith(b"\x89PNG")
    speech = fleet.succeed(fleet.submit("voice", {"prompt": "good evening"}, template=parrot), 60)
    assert fleet.output(speech, "speech.mp3") == b"ID3good evening"
    assert [output["contentType"] for output in speech["outputs"]] == ["audio/mpeg"]


def test_a_wrong_input_is_not_tried_again(fleet: Fleet, parrot: str) -> None:
    ended = fleet.wait(fleet.submit("text", {"prompt": "hello", "temperature": 9}, template=parrot), 60)
    assert ended["state"] == "failed" and len(ended["attempts"]) == 1, describe(ended)
    assert ended["error"]["code"] == "invalid_input" and "temperature" in ended["error"]["message"], describe(ended)
