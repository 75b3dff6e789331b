"""Natural language in, the right kind of file out, made on the right node; for every kind of work."""

import io
import json
import struct
import wave
from pathlib import Path
from typing import Any

import pytest

from fleet import Fleet, describe, winner


def is_png(data: bytes) -> None:
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and data[-8:-4] == b"IEND"
    assert struct.unpack(">II", data[16:24]) == (768, 512)


def is_wav(data: bytes) -> None:
    with wave.open(io.BytesIO(data)) as sound:
        assert sound.getnframes() / sound.getframerate() > 0.5
        assert len(set(sound.readframes(20000))) > 10, "silence"


def is_mp4(data: bytes) -> None:
    assert data[4:8] == b"ftyp" and b"moov" in data and len(data) > 2000


def says(word: str):
    def check(data: bytes) -> None:
        assert word.lower() in data.decode().lower(), data[:200]

    return check


ASKED = [
    ("Generate an image of a sunset", "image", ("agx-01", "agx-02"), "image/png", is_png),
    ("Make a short video of a sailing boat", "video", ("agx-03", "agx-04"), "video/mp4", is_mp4),
    ("Say hello to the whole fleet", "voice", ("agx-05",), "audio/", is_wav),
    ("Compose a calm piano melody", "audio", ("agx-06",), "audio/", is_wav),
    ("What is 12 * 7 + 3?", "text", ("agx-07", "agx-08"), "text/plain", says("87")),
    ("Jessica, who are you?", "personality", ("agx-10",), "text/plain", says("rule-based")),
]


def outputs(fleet: Fleet, job: dict[str, Any], kind: str) -> list[bytes]:
    return [fleet.output(job, item["name"]) for item in job["outputs"] if item["contentType"].startswith(kind)]


@pytest.mark.parametrize(("text", "kind", "nodes", "content", "check"), ASKED, ids=[item[1] for item in ASKED])
def test_ask(fleet: Fleet, tmp_path: Path, text: str, kind: str, nodes: tuple[str, ...], content: str, check: Any) -> None:
    mark = fleet.mark()
    job = fleet.jctl_json("ask", text, "--wait", "--out", str(tmp_path))
    assert job["state"] == "succeeded", describe(job)
    assert job["kind"] == kind
    assert winner(job)["node"] in nodes and len(job["attempts"]) == 1, describe(job)
    made = outputs(fleet, job, content)
    assert len(made) == 1, job["outputs"]
    check(made[0])
    # What jctl saved is what the API has, byte by byte.
    saved = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {item["name"]: item["size"] for item in job["outputs"]} == {name: len(data) for name, data in saved.items()}
    assert made[0] in saved.values()
    steps = [step["state"] for step in job["timeline"]]
    assert steps[0] == "queued" and steps[-1] == "succeeded" and "running" in steps
    fleet.assert_ended_once(job)
    assert not list(fleet.seen(mark, type="roamer.state")), "a roamer was lent though the cluster was free"


def test_ask_the_eyes(fleet: Fleet) -> None:
    job = fleet.jctl_json("ask", "How many faces does the camera see?", "--wait")
    assert job["kind"] == "vision" and winner(job)["node"] == "agx-09", describe(job)
    (picture,) = outputs(fleet, job, "image/jpeg")
    assert picture[:3] == b"\xff\xd8\xff" and picture[-2:] == b"\xff\xd9"
    found = [json.loads(data) for data in outputs(fleet, job, "application/json")]
    assert any("faces" in item for item in found if isinstance(item, dict)), found


def test_what_nobody_can_do_is_refused_with_what_can_be_done(fleet: Fleet) -> None:
    status, answer = fleet.call("POST", "/api/v1/requests", {"text": "xyzzy plugh"})
    assert status == 422 and answer["error"]["code"] == "cannot_place", answer
    assert any("image" in offer for offer in answer["error"]["details"])
    assert fleet.jctl("ask", "xyzzy plugh").returncode != 0


def test_the_same_key_gives_the_same_job(fleet: Fleet) -> None:
    body, key = {"kind": "text", "input": {"prompt": "hello"}}, {"Idempotency-Key": "end-to-end-key"}
    first = fleet.call("POST", "/api/v1/jobs", body, key)
    again = fleet.call("POST", "/api/v1/jobs", body, key)
    assert first[0] == again[0] == 202 and first[1]["id"] == again[1]["id"]
    status, answer = fleet.call("POST", "/api/v1/jobs", {**body, "input": {"prompt": "other"}}, key)
    assert status == 422 and "idempotency" in answer["error"]["code"], answer
    fleet.succeed(first[1])
